// A progress bar on stderr, redrawn in place. Without a terminal it prints nothing: a log file wants
// no carriage returns, and the command's last line says the same.

import {type OutputStream, widthOf} from './terminal.ts';

/** Ten redraws a second look smooth and cost nothing. */
const REDRAW_MS_MIN = 100;
const BAR_WIDTH_MAX = 40;

export class ProgressBar {
  readonly #stream: OutputStream;
  #drawnAtMs = Number.NEGATIVE_INFINITY;
  #isDrawn = false;

  constructor(stream: OutputStream) {
    this.#stream = stream;
  }

  /** `fraction` is undefined where the end is not known: the label alone is shown. */
  update(fraction: number | undefined, label: string): void {
    const width = widthOf(this.#stream);
    const nowMs = performance.now();
    if (width === undefined || nowMs - this.#drawnAtMs < REDRAW_MS_MIN) return;
    this.#drawnAtMs = nowMs;
    this.#isDrawn = true;
    this.#stream.write(`\r\x1b[2K${renderBar(fraction, label, width)}`);
  }

  /** Takes the bar away, so that what follows starts on a clean line. */
  clear(): void {
    if (this.#isDrawn) this.#stream.write('\r\x1b[2K');
    this.#isDrawn = false;
    this.#drawnAtMs = Number.NEGATIVE_INFINITY;
  }
}

export function renderBar(fraction: number | undefined, label: string, width: number): string {
  if (fraction === undefined) return label.slice(0, width - 1);
  const bounded = Math.min(1, Math.max(0, fraction));
  const percent = `${Math.floor(bounded * 100)}%`.padStart(4);
  const barWidth = Math.min(BAR_WIDTH_MAX, width - label.length - percent.length - 5);
  if (barWidth < 5) return `${percent} ${label}`.slice(0, width - 1);
  const full = Math.round(bounded * barWidth);
  return `[${'#'.repeat(full)}${'.'.repeat(barWidth - full)}]${percent} ${label}`;
}

/** 12.3 MB and the like, in powers of ten. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return unit === 0 ? `${value} B` : `${value.toFixed(1)} ${units[unit]}`;
}
