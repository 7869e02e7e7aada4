// The Listen page: the section alone, live.
import { throttled } from './base.js';
import * as keys from './keys.js';
import { Listen } from './listen.js';
import { Live } from './live.js';

function start() {
  const runs = document.getElementById('heard').dataset.ids.split(',');
  const listen = new Listen(document.getElementById('listen'), { runs });
  globalThis.nashboard = { player: listen.player, listen };
  const again = throttled(() => listen.refresh(), 1000);
  new Live(runs, { onChange: (change) => change.samples && again(), onReturn: again });
  keys.listen(listen.keys());
  listen.refresh();
}

if (typeof document !== 'undefined') start();
