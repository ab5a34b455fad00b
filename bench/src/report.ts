// The report as a table for people; `--json` prints the same figures for programs.

import {describeProbe} from './disk.ts';
import type {IngestReport, IngestResult} from './ingest.ts';

const FIELDS_PER_ROW = 10;

const COLUMNS: readonly (readonly [string, (result: IngestResult) => string])[] = [
  ['target', ({target}) => target],
  ['nodes', ({nodes}) => String(nodes)],
  ['rows', ({rows}) => String(rows)],
  ['seconds', ({seconds}) => seconds.toFixed(2)],
  ['rows/s', ({rowsPerSecond}) => String(rowsPerSecond)],
  ['CPU s', ({cpuSeconds}) => cpuSeconds.toFixed(2)],
  ['to last ack', ({ackCpuSeconds}) => ackCpuSeconds.toFixed(2)],
  ['rows/CPU s', ({rowsPerCpuSecond}) => String(rowsPerCpuSecond)],
  ['peak RSS MB', ({peakRssBytes}) => (peakRssBytes / 1e6).toFixed(0)],
  ['disk MB', ({diskBytes}) => (diskBytes / 1e6).toFixed(2)],
  ['B/value', ({diskBytes, rows}) => (diskBytes / rows / FIELDS_PER_ROW).toFixed(2)],
];

export function renderReport(report: IngestReport): string {
  const heading = COLUMNS.map(([title]) => title);
  const rows = report.results.map((result) => COLUMNS.map(([, format]) => format(result)));
  const widths = heading.map((title, i) =>
    Math.max(title.length, ...rows.map((row) => row[i]!.length)),
  );
  const lines = [heading, ...rows].map((cells) =>
    cells
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  '),
  );
  const missing = [
    ...report.skipped.map(({target, reason}) => `skipped ${target}: ${reason}`),
    ...report.failed.map(({target, nodes, reason}) => `FAILED ${target} x ${nodes}: ${reason}`),
  ];
  return `${[...lines, '', describeProbe(report.fdatasyncMs), ...missing].join('\n')}\n`;
}
