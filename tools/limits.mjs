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

const SERIES = `
## The series of a database

\`MAX_SERIES\` of [CREATE and ALTER DATABASE](sql.md#statements-on-databases-and-tables), \`--max-series\` of \`./flotilla database create\` and \`alter\`: how many
series one bucket of the database takes; without it, and after \`none\`, only the limits above count. A bucket's shards ask nobody while a
line waits: each takes an equal part of it, rounded up. So

- a bucket never takes more than \`max_series\`, rounded up to a multiple of its shards, however many writes come at once and whoever leads;
- it refuses the first new series when the shard that happens to have most is full. Of hosts with numbers that was (median of 5 to 20
  tries) at 99 % of \`max_series\` for 4 shards of 10,000 series each, 97 % for 4 of 1,000, 93 % for 64 of 1,000, and 85 % for 4 of ten.
  Give a database of few series \`SHARD 1\`;
- a line that would make a series beyond it is refused with \`SERIES_LIMIT\`, which names the database, the limit and what to do. All other
  lines of its body are written, those of known series too. While new series of others are on their way into the last room, an answer may
  be \`OVERLOADED\`: sent again it is decided;
- what is there stays: a limit below it refuses new series, and deletes none. A series counts as long as its bucket lives, also when its
  rows or its table were deleted;
- the next bucket begins with none. Each counts for itself, so a limit holds for what is written in one bucket's time;
- ALTER DATABASE holds as soon as the nodes that lead have heard of it, which takes some milliseconds. A node that is cut off from the meta
  group goes by what it last heard.

\`SHOW CARDINALITY\`, \`GET /admin/v1/cardinality\` and \`./flotilla database cardinality\` name the tables, tags and values that make most series.
`;

/** The whole page. */
export function renderLimits() {
  const rows = Object.entries(LIMITS).map(([name, limit]) => {
    const code = limit.code === undefined ? '' : `\`${limit.code}\``;
    const asterisk = MEMORY_LIMIT_NAMES.has(name) ? ' \\*' : '';
    return [`\`${name}\``, valueText(limit.value, limit.unit) + asterisk, code, limit.why];
  });
  const table = renderTable([['name', 'value', 'code', 'why this number'], ...rows]);
  return HEAD + table + SERIES + FLAGS_HEAD + renderTable(flagRows());
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
