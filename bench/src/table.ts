// Results as a table for people: a column for each field, nested ones by their path.

type Row = Readonly<Record<string, string>>;

export function renderTable(report: {
  readonly results: readonly object[];
  readonly skipped?: readonly {readonly target: string; readonly reason: string}[];
}): string {
  const rows = report.results.map((result) => flatten(result));
  const titles = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cells = [titles, ...rows.map((row) => titles.map((title) => row[title] ?? ''))];
  const widths = titles.map((_, i) => Math.max(...cells.map((line) => line[i]!.length)));
  const lines = cells.map((line) => line.map((cell, i) => cell.padStart(widths[i]!)).join('  '));
  const skipped = (report.skipped ?? []).map(({target, reason}) => `skipped ${target}: ${reason}`);
  return `${[...lines, ...skipped].join('\n')}\n`;
}

function flatten(value: object, prefix = ''): Row {
  const cells = Object.entries(value).flatMap(([key, field]): [string, string][] => {
    const name = `${prefix}${key}`;
    if (typeof field !== 'object' || field === null) return [[name, String(field)]];
    if (Array.isArray(field))
      return [[name, field.map((one) => Object.values(one).join(':')).join(' ')]];
    return Object.entries(flatten(field, `${name}.`));
  });
  return Object.fromEntries(cells);
}
