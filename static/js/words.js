// Numbers and times in the product's words: the twin of app/words.py.

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const minus = (text) => text.replace('-', '−');

/** 1234 as "1,234". */
export function count(n) {
  return n === null || n === undefined ? 'none' : minus(String(n).replace(/\B(?=(\d{3})+$)/g, ','));
}

/** A number to `digits` significant ones: "0.00110", "41.3", "12,340", "1e−5"; "NaN", "Inf", "none". */
export function number(value, digits = 3) {
  if (value === null || value === undefined) return 'none';
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? 'Inf' : '−Inf';
  if (value === 0) return '0';
  const power = Math.floor(Math.log10(Math.abs(value)));
  if (power >= 15 || power < -4) {
    const [mantissa, exponent] = value.toExponential(digits - 1).split('e');
    const short = mantissa.includes('.') ? mantissa.replace(/\.?0+$/, '') : mantissa;
    return `${minus(short)}e${minus(String(Number(exponent)))}`;
  }
  return fixed(value, Math.max(0, digits - 1 - power));
}

/** A number with so many decimals and thousands commas. */
export function fixed(value, decimals = 2) {
  if (value === null || value === undefined || !Number.isFinite(value)) return number(value);
  const [whole, part] = Math.abs(value).toFixed(decimals).split('.');
  const text = whole.replace(/\B(?=(\d{3})+$)/g, ',') + (part ? `.${part}` : '');
  return (value < 0 && /[1-9]/.test(text) ? '−' : '') + text;
}

const DECIMALS = { dB: 1, '%': 1, kbps: 1 };

/** A measured value as its unit is read. */
export function measured(value, unit = '') {
  return unit in DECIMALS ? fixed(value, DECIMALS[unit]) : number(value);
}

/** 63 as "1 min 03 s". */
export function duration(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return 'unknown';
  const s = Math.max(0, Math.round(seconds));
  const two = (n) => String(n).padStart(2, '0');
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${two(s % 60)} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${two(Math.floor((s % 3600) / 60))} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

/** How long before `now`, both in Unix seconds: "just now", "40 s", "3 min", "yesterday", "18 Nov". */
export function ago(then, now) {
  const gap = now - then;
  if (gap < 5) return 'just now';
  if (gap < 60) return `${Math.floor(gap)} s`;
  if (gap < 3600) return `${Math.floor(gap / 60)} min`;
  if (gap < 86400) return `${Math.floor(gap / 3600)} h`;
  if (gap < 172800) return 'yesterday';
  const day = new Date(then * 1000);
  const year = day.getFullYear() === new Date(now * 1000).getFullYear() ? '' : ` ${day.getFullYear()}`;
  return `${day.getDate()} ${MONTHS[day.getMonth()]}${year}`;
}
