// Writes docs/limits.md from LIMITS of @flotilla/base. Run by `npm run limits`; tools/docs.test.ts
// fails when the page differs from what `renderLimits` gives.

import {writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {LIMITS} from '../packages/base/src/limits.ts';
import {MEMORY_LIMIT_NAMES} from '../packages/base/src/memory-limits.ts';

const PAGE = join(dirname(dirname(fileURLToPath(import.meta.url))), 'docs', 'limits.md');

const HEAD = `# Limits

Made by \`npm run limits\` from \`packages/base/src/limits.ts\`; change it there. A limit with a code
refuses what is past it, and the answer carries that code ([http.md](http.md#codes)); one without a
code is the size of a piece or a point at which something begins, and refuses nothing.

Limits with an asterisk are the most that a node takes. The memory that it is started with
(\`start --memory 4GiB\`; by default 60 % of the machine's or the container's) makes them smaller where it
is little: the series indexes of all engine threads fit a quarter of it, all other budgets together half.
The rest is for code, for what is not collected yet, and for the work itself. Some others are set [by flags](#set-by-flags-of-start);
the rest is fixed.

`;

const FLAGS_HEAD = `
## Set by flags of \`start\`

A flag holds until the node is started without it. A value that is out of its bounds is refused by the
name of the flag. What counts for a cluster goes by the node that leads the meta group, or that is asked,
so all nodes are to be given the same; \`./flotilla status\` names those that were not.

`;

const UNITS = {
  bytes: [
    ['MiB', 1024 * 1024],
    ['KiB', 1024],
    ['bytes', 1],
  ],
  'bytes/s': [['MiB/s', 1024 * 1024]],
  ms: [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['s', 1_000],
    ['ms', 1],
  ],
};

/** The value in its largest unit that leaves no fraction. */
function valueText(value, unit) {
  if (unit === 'count') return value.toLocaleString('en-US');
  const [name, size] = UNITS[unit].find(([, each]) => value % each === 0);
  return `${(value / size).toLocaleString('en-US')} ${name}`;
}

/** Columns padded to one width, as the formatter wants it. */
export function renderTable(rows) {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  const rule = widths.map((width) => '-'.repeat(width));
  const lines = [rows[0], rule, ...rows.slice(1)].map(
    (row) => `| ${row.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |\n`,
  );
  return lines.join('');
}

/** The whole page. */
export function renderLimits() {
  const rows = Object.entries(LIMITS).map(([name, limit]) => {
    const code = limit.code === undefined ? '' : `\`${limit.code}\``;
    const asterisk = MEMORY_LIMIT_NAMES.has(name) ? ' \\*' : '';
    return [`\`${name}\``, valueText(limit.value, limit.unit) + asterisk, code, limit.why];
  });
  const table = renderTable([['name', 'value', 'code', 'why this number'], ...rows]);
  return HEAD + table + FLAGS_HEAD + renderTable(flagRows());
}

function flagRows() {
  const rows = Object.entries(LIMITS).flatMap(([name, {value, unit, flag}]) => {
    if (flag === undefined) return [];
    const [least, standard, most] = [flag.min, value, flag.max].map((each) =>
      valueText(each, unit),
    );
    const scope = flag.isOfCluster ? 'the cluster' : 'the node';
    return [[`\`${flag.name}\``, `\`${name}\``, least, standard, most, scope]];
  });
  return [['flag', 'limit', 'least', 'default', 'most', 'counts for'], ...rows];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(PAGE, renderLimits());
  process.stdout.write('docs/limits.md is up to date with packages/base/src/limits.ts\n');
}
