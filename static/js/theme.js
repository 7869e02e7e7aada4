// Light or dark: the system's, or the one chosen here. A cookie carries it to the server, so a page never flashes.

/** The theme that a press of the button leads to. */
export function other(chosen, systemDark) {
  const dark = chosen === 'dark' || (chosen !== 'light' && systemDark);
  return dark ? 'light' : 'dark';
}

/** The cookie that keeps the choice for a year. */
export function cookie(theme) {
  return `theme=${theme}; path=/; max-age=31536000; samesite=lax`;
}

/** The colour that a token has now, as the browser resolves it: `light-dark()` and all. */
export function colour(token, doc = document) {
  const probe = doc.createElement('span');
  probe.hidden = true;
  probe.style.color = `var(${token.startsWith('--') ? token : `--${token}`})`;
  doc.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

/** Wire the button; `document` hears "themechange" whenever colours change, by button or by system. */
export function start(doc = document) {
  const system = matchMedia('(prefers-color-scheme: dark)');
  const tell = () => doc.dispatchEvent(new CustomEvent('themechange'));
  doc.getElementById('theme-toggle')?.addEventListener('click', () => {
    const root = doc.documentElement;
    root.dataset.theme = other(root.dataset.theme, system.matches);
    doc.cookie = cookie(root.dataset.theme);
    tell();
  });
  system.addEventListener('change', () => doc.documentElement.dataset.theme || tell());
}
