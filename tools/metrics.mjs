// Writes docs/metrics.md from METRICS of packages/server. Run by `npm run metrics`; tools/docs.test.ts
// fails when the page differs from what `renderMetrics` gives.

import {writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {METRICS} from '../packages/server/src/metrics/catalogue.ts';
import {renderTable} from './limits.mjs';

const PAGE = join(dirname(dirname(fileURLToPath(import.meta.url))), 'docs', 'metrics.md');

const HEAD = `# Metrics

Made by \`npm run metrics\` from \`packages/server/src/metrics/catalogue.ts\`; change it there.

GET \`/metrics\` answers in Prometheus's text format 0.0.4. Copy [deploy/prometheus/prometheus.yaml](../deploy/prometheus/prometheus.yaml)
and name your nodes in it; [alerts.yaml](../deploy/prometheus/alerts.yaml) beside it has the alerts of [runbook.md](runbook.md).

\`\`\`console
$ curl -s http://127.0.0.1:8902/metrics | grep '^flotilla_ready'
flotilla_ready 1
\`\`\`

Each node tells of itself. A series is the sum over all replica sets and engine threads of the node,
but where a label says otherwise: there is none for each replica set or table, and at most 100
databases are told by name, so their number does not grow with the data. Counters begin at 0 when the node starts.

The engine threads count while they work and are asked at a scrape. One that does not answer within
2 s keeps the numbers that it told last, and its \`flotilla_engine_thread_up\` is 0. Histograms have
buckets from 100 us to 30 s.

`;

/** The whole page. */
export function renderMetrics() {
  const rows = Object.entries(METRICS).map(([name, {type, help, labels = {}}]) => {
    const bounds = Object.entries(labels).map(([label, {text}]) => `\`${label}\`: ${text}`);
    return [`\`${name}\``, type, bounds.join('; '), help];
  });
  return HEAD + renderTable([['name', 'type', 'labels', 'what'], ...rows]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(PAGE, renderMetrics());
  process.stdout.write(
    'docs/metrics.md is up to date with packages/server/src/metrics/catalogue.ts\n',
  );
}
