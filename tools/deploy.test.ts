// What stands in deploy/ for Prometheus and Grafana is held to the program: each metric, label and
// value in it exists, and docs/runbook.md has a section for each alert and for nothing else; so are the
// flags with which containers and the unit start a node. No YAML parser is a dependency: alerts are read line
// by line, in the one form they are written in.

import {spawnSync} from 'node:child_process';
import {existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {describe, expect, test} from 'vitest';
import {
  type LabelValues,
  METRICS,
  type MetricDefinition,
} from '../packages/server/src/metrics/catalogue.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8');

const ALERTS = 'deploy/prometheus/alerts.yaml';
const SCRAPES = 'deploy/prometheus/prometheus.yaml';
const DASHBOARD = 'deploy/grafana/flotilla.json';
const RUNBOOK = 'docs/runbook.md';

const metrics: Readonly<Record<string, MetricDefinition>> = METRICS;
/** On every series, by Prometheus itself or by its text format. */
const LABELS_ANYWHERE = ['job', 'instance', 'le'];
/** Prometheus's own. */
const OTHER_METRICS = ['up'];

interface Alert {
  readonly name: string;
  readonly expr: string;
  /** The lines behind the name, as they stand. */
  readonly text: string;
}

function alertsIn(yaml: string): Alert[] {
  const [, ...blocks] = yaml.split(/^ {6}- alert: /m);
  return blocks.map((block) => {
    const [, name = ''] = /^(\w+)\n/.exec(block) ?? [];
    const [, folded, line] = /^ {8}expr: (?:>-\n((?: {10}.*\n)+)|(.+)\n)/m.exec(block) ?? [];
    const expr = (folded ?? line ?? '').trim().replaceAll(/\s+/g, ' ');
    return {name, expr, text: block};
  });
}

interface Target {
  readonly refId: string;
  readonly expr: string;
  readonly legendFormat?: string | undefined;
}

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: {readonly w: number; readonly x: number; readonly y: number};
  readonly datasource?: {readonly uid: string} | undefined;
  readonly targets?: readonly Target[] | undefined;
}

interface Dashboard {
  readonly schemaVersion: number;
  readonly templating: {
    readonly list: readonly {
      readonly name: string;
      readonly type: string;
      readonly definition?: string | undefined;
    }[];
  };
  readonly panels: readonly Panel[];
}

const dashboard = (): Dashboard => JSON.parse(read(DASHBOARD)) as Dashboard;
const targetsOf = ({panels}: Dashboard): Target[] => panels.flatMap(({targets = []}) => targets);

/** Text without what stands in quotes: values of labels name no metric. */
const bareOf = (expr: string): string => expr.replaceAll(/"[^"]*"/g, '""');

/** Of a histogram only its three series exist, of anything else only the name itself. */
function definitionOf(name: string): MetricDefinition | undefined {
  if (Object.hasOwn(metrics, name))
    return metrics[name]!.type === 'histogram' ? undefined : metrics[name];
  const family = name.replace(/_(bucket|sum|count)$/, '');
  if (!Object.hasOwn(metrics, family)) return undefined;
  return metrics[family]!.type === 'histogram' ? metrics[family] : undefined;
}

function namesIn(expr: string): string[] {
  const bare = bareOf(expr);
  const selected = [...bare.matchAll(/(\w+)\{/g)].map(([, name]) => name!);
  return [...new Set([...(bare.match(/\b(?:flotilla|process)_\w+/g) ?? []), ...selected])];
}

/** Of all metrics of an expression together. */
function labelsIn(expr: string): Set<string> {
  const labels = namesIn(expr).flatMap((name) => Object.keys(definitionOf(name)?.labels ?? {}));
  return new Set([...LABELS_ANYWHERE, ...labels]);
}

/** What is wrong with the selector `name{label="value"}`. */
function mistakesOfSelector(name: string, matchers: string): string[] {
  const labels: Readonly<Record<string, LabelValues>> = definitionOf(name)?.labels ?? {};
  const all = [...matchers.matchAll(/(\w+)(=~|!~|!=|=)"([^"]*)"/g)];
  return all.flatMap(([, label = '', operator = '', value = '']) => {
    if (LABELS_ANYWHERE.includes(label)) return [];
    if (!Object.hasOwn(labels, label)) return [`${name} has no label ${label}`];
    const values = operator.includes('~') ? value.split('|') : [value];
    const unknown = values.filter((one) => !labels[label]!.has(one));
    return unknown.map((one) => `${name} has no ${label} ${one}`);
  });
}

function isBalanced(expr: string): boolean {
  const count = (sign: string): number => expr.split(sign).length - 1;
  const pairs = [
    ['(', ')'],
    ['{', '}'],
    ['[', ']'],
  ] as const;
  return pairs.every(([open, close]) => count(open) === count(close)) && count('"') % 2 === 0;
}

function mistakesIn(expr: string): string[] {
  const unknown = namesIn(expr)
    .filter((name) => !OTHER_METRICS.includes(name) && definitionOf(name) === undefined)
    .map((name) => `no metric ${name}`);
  const selectors = [...expr.matchAll(/(\w+)\{([^}]*)\}/g)];
  const labels = labelsIn(expr);
  const groupings = [...expr.matchAll(/\b(?:by|without|on|ignoring) \(([^)]*)\)/g)]
    .flatMap(([, list = '']) => list.split(/, */))
    .filter((label) => !labels.has(label))
    .map((label) => `nothing has a label ${label}`);
  return [
    ...(isBalanced(expr) ? [] : [`not balanced: ${expr}`]),
    ...unknown,
    ...selectors.flatMap(([, name = '', matchers = '']) => mistakesOfSelector(name, matchers)),
    ...groupings,
  ];
}

/** Each with its text, up to the next heading. */
function sectionsOf(page: string): Map<string, string> {
  const [, ...sections] = page.split(/^### /m);
  return new Map(
    sections.map((section) => {
      const [heading = ''] = section.split('\n', 1);
      return [heading, section.slice(heading.length).replace(/^## [\s\S]*/m, '')];
    }),
  );
}

describe('the checks themselves', () => {
  test('see what does not exist', () => {
    expect(mistakesIn('flotilla_nothing > 0')).toEqual(['no metric flotilla_nothing']);
    expect(mistakesIn('nothing{job="a"}')).toEqual(['no metric nothing']);
    expect(mistakesIn('flotilla_ready_count == 0')).toEqual(['no metric flotilla_ready_count']);
    expect(mistakesIn('rate(flotilla_gc_pause_seconds[5m])')).toEqual([
      'no metric flotilla_gc_pause_seconds',
    ]);
    expect(mistakesIn('flotilla_ready{role="leader"}')).toEqual([
      'flotilla_ready has no label role',
    ]);
    expect(mistakesIn('flotilla_raft_groups{role=~"leader|king"}')).toEqual([
      'flotilla_raft_groups has no role king',
    ]);
    expect(mistakesIn('sum by (zone) (flotilla_ready)')).toEqual(['nothing has a label zone']);
    expect(mistakesIn('sum(flotilla_ready')).toEqual(['not balanced: sum(flotilla_ready']);
  });

  test('see nothing wrong where nothing is', () => {
    expect(mistakesIn('up{job="flotilla"} == 0')).toEqual([]);
    expect(
      mistakesIn('sum by (le, thread) (rate(flotilla_gc_pause_seconds_bucket{thread="main"}[5m]))'),
    ).toEqual([]);
  });

  test('read expressions of one line and of several', () => {
    const yaml = [
      '      - alert: One',
      '        expr: up == 0',
      '        for: 1m',
      '      - alert: Two',
      '        expr: >-',
      '          up',
      '          == 0',
      '        for: 1m',
      '',
    ].join('\n');
    expect(alertsIn(yaml).map(({name, expr}) => [name, expr])).toEqual([
      ['One', 'up == 0'],
      ['Two', 'up == 0'],
    ]);
  });
});

describe('alerts for Prometheus', () => {
  const alerts = alertsIn(read(ALERTS));

  test('each is read, and its name is its own', () => {
    const names = alerts.map(({name}) => name);
    expect(names.length).toBe(read(ALERTS).match(/\balert:/g)!.length);
    expect(names.length).toBeGreaterThan(20);
    expect(names.filter((name) => !/^Flotilla[A-Z]\w+$/.test(name))).toEqual([]);
    expect(new Set(names).size).toBe(names.length);
  });

  test.each(alerts.map(({name, expr}) => [name, expr] as const))(
    '%s names metrics, labels and values that exist',
    (_, expr) => {
      expect(namesIn(expr).length).toBeGreaterThan(0);
      expect(mistakesIn(expr)).toEqual([]);
    },
  );

  test('each has a severity, a summary with labels that it has, and its section', () => {
    const wrong = alerts.flatMap(({name, expr, text}) => {
      const lines = [
        /^ {10}severity: (page|ticket)$/m,
        /^ {10}summary: "[^"\\]+"$/m,
        new RegExp(`^ {10}runbook: docs/runbook\\.md#${name.toLowerCase()}$`, 'm'),
      ];
      const labels = [...text.matchAll(/\$labels\.(\w+)/g)].map(([, label]) => label!);
      return [
        ...lines.filter((line) => !line.test(text)).map((line) => `${name}: no ${line.source}`),
        ...labels.filter((label) => !labelsIn(expr).has(label)).map((one) => `${name}: ${one}`),
      ];
    });
    expect(wrong).toEqual([]);
  });

  test('the runbook has a section for each, in their order, and none besides', () => {
    expect([...sectionsOf(read(RUNBOOK)).keys()]).toEqual(alerts.map(({name}) => name));
  });

  test('each section of the runbook says all that it should', () => {
    const leads = ['Means', 'Users see', 'Look at', 'Do', 'Ends'];
    const wrong = [...sectionsOf(read(RUNBOOK))].filter(([, text]) => {
      const found = [...text.matchAll(/^- \*\*([\w ]+):\*\* \S/gm)].map(([, lead]) => lead);
      return found.join() !== leads.join();
    });
    expect(wrong.map(([name]) => name)).toEqual([]);
  });

  test('an alert that the runbook speaks of exists', () => {
    const known = new Set(alerts.map(({name}) => name));
    const named = read(RUNBOOK).match(/\bFlotilla[A-Z]\w+/g)!;
    expect(named.filter((name) => !known.has(name))).toEqual([]);
  });

  test('the scrape configuration names the job and the rules that there are', () => {
    const text = read(SCRAPES);
    expect(text).toMatch(/^ {2}- job_name: flotilla$/m);
    const [, rules = ''] = /^rule_files:\n((?: {2}- .*\n)+)/m.exec(text) ?? [];
    const files = [...rules.matchAll(/^ {2}- (\S+)$/gm)].map(([, file]) => file!);
    expect(files).toEqual([path.basename(ALERTS)]);
    for (const file of files)
      expect(existsSync(path.join(ROOT, path.dirname(SCRAPES), file)), file).toBe(true);
  });

  test('no tab and no odd indentation, which YAML would read as something else', () => {
    for (const file of [ALERTS, SCRAPES])
      expect(read(file).match(/\t|^(?: {2})* (?! ).*$/gm), file).toBeNull();
  });
});

describe('dashboard for Grafana', () => {
  test('it has panels, each with an id and a place of its own', () => {
    const {schemaVersion, panels} = dashboard();
    expect(schemaVersion).toBeGreaterThan(35);
    expect(panels.length).toBeGreaterThan(40);
    expect(new Set(panels.map(({id}) => id)).size).toBe(panels.length);
    const corners = panels.map(({gridPos: {x, y}}) => `${x} ${y}`);
    expect(new Set(corners).size).toBe(panels.length);
    expect(panels.filter(({gridPos: {x, w}}) => x + w > 24)).toEqual([]);
  });

  test('each expression names metrics, labels and values that exist', () => {
    const wrong = targetsOf(dashboard()).flatMap(({expr, legendFormat = ''}) => {
      const shown = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label!);
      const labels = labelsIn(expr);
      return [...mistakesIn(expr), ...shown.filter((label) => !labels.has(label))];
    });
    expect(wrong).toEqual([]);
  });

  test('source, job and nodes are variables everywhere', () => {
    const {panels, templating} = dashboard();
    expect(templating.list.map(({name}) => name)).toEqual(['datasource', 'job', 'instance']);
    for (const {definition} of templating.list.slice(1))
      expect(namesIn(definition ?? '')).toEqual(['flotilla_build_info']);
    const shown = panels.filter(({type}) => type !== 'row');
    const isVariable = (uid = ''): boolean => /^\$\{datasource\}$/.test(uid);
    expect(shown.filter(({datasource}) => !isVariable(datasource?.uid))).toEqual([]);
    const selectors = targetsOf(dashboard()).flatMap(({expr}) =>
      namesIn(expr).map((name) => ({name, expr})),
    );
    const fixed = selectors.filter(
      ({name, expr}) => !expr.includes(`${name}{job=~"$job",instance=~"$instance"`),
    );
    expect(fixed.map(({name, expr}) => `${name} in ${expr}`)).toEqual([]);
    expect(read(DASHBOARD).match(/\d+\.\d+\.\d+\.\d+|:\d{4}\b|localhost/g)).toBeNull();
  });
});

describe('how a node is installed', () => {
  const DOCKERFILE = 'deploy/docker/Dockerfile';
  const COMPOSE = 'deploy/docker/compose.yaml';
  const UNIT = 'deploy/systemd/flotilla.service';
  /** What each file starts nodes with, how often, and one flag of it. */
  const STARTS = [
    {file: DOCKERFILE, start: /^CMD \["start"(.*)\]$/gm, times: 1, flag: '--data'},
    {file: COMPOSE, start: /^ {4}command: >-\n((?: {6}.*\n)+)/gm, times: 3, flag: '--insecure'},
    {
      file: UNIT,
      start: /^(?:ExecStart=.* start|# {3}FLOTILLA_FLAGS=)(.*)$/gm,
      times: 2,
      flag: '--tls-key',
    },
  ];

  function helpOf(command: string): string {
    const main = path.join(ROOT, 'packages/cli/src/main.ts');
    const {stdout} = spawnSync(process.execPath, [main, command, '--help'], {encoding: 'utf8'});
    return stdout;
  }

  test.each(STARTS)(
    'each flag with which $file starts a node exists',
    ({file, start, times, flag}) => {
      const known = new Set(helpOf('start').match(/--[a-z][a-z-]+/g));
      const given = [...read(file).matchAll(start)].map(([, flags]) => flags!);
      expect(given).toHaveLength(times);
      const flags = given.flatMap((words) => words.match(/--[a-z][a-z-]+/g) ?? []);
      expect(flags).toContain(flag);
      expect(flags.filter((each) => !known.has(each))).toEqual([]);
    },
    60_000,
  );

  test('a container runs without rights, is asked for its health, and is stopped as a node is', () => {
    const lines = read(DOCKERFILE).split('\n');
    const at = (pattern: RegExp): number => lines.findIndex((line) => pattern.test(line));
    expect(at(/^RUN useradd --system .* flotilla$/)).toBeLessThan(at(/^USER flotilla$/));
    expect(lines.filter((line) => line.startsWith('USER '))).toEqual(['USER flotilla']);
    expect(at(/^USER flotilla$/)).toBeLessThan(at(/^ENTRYPOINT \["flotilla"\]$/));
    expect(lines[at(/^HEALTHCHECK /) + 1]).toMatch(/CMD \["flotilla", "health", "--data", ".*"\]$/);
    expect(helpOf('health')).toContain('--data');
    expect(lines).toContain('STOPSIGNAL SIGTERM');
    expect(read(COMPOSE)).toMatch(/^ {2}stop_grace_period: 60s$/m);
  }, 60_000);

  test('the unit lets its node write its own directory alone, and gives a stop its time', () => {
    const lines = read(UNIT).split('\n');
    for (const setting of [
      ...['DynamicUser=yes', 'StateDirectory=flotilla', 'ProtectSystem=strict', 'ProtectHome=yes'],
      ...['NoNewPrivileges=yes', 'CapabilityBoundingSet=', 'PrivateTmp=yes', 'PrivateDevices=yes'],
      ...[
        'ProtectKernelTunables=yes',
        'RestrictNamespaces=yes',
        'SystemCallFilter=@system-service',
      ],
      ...['UMask=0077', 'TimeoutStopSec=60', 'Restart=on-failure'],
    ])
      expect(lines).toContain(setting);
  });

  const analyze = (...args: string[]) => spawnSync('systemd-analyze', args, {encoding: 'utf8'});
  // Older ones rate what is loaded alone.
  const ratesFiles = Number(/^systemd (\d+)/.exec(analyze('--version').stdout)?.[1]) >= 250;

  test.skipIf(!ratesFiles)(
    'systemd understands the whole unit, and finds little that its node could reach',
    () => {
      const directory = mkdtempSync(path.join(tmpdir(), 'flotilla-unit-'));
      const unit = path.join(directory, path.basename(UNIT));
      // The program is not installed here; it is where its sources are.
      const own = read(UNIT).replace('/opt/flotilla/flotilla', path.join(ROOT, 'flotilla'));
      writeFileSync(unit, own);
      const verified = analyze('verify', unit);
      expect([verified.status, verified.stderr]).toEqual([0, '']);
      // Of 100, the least exposed is 0: it listens, and the JavaScript engine writes what it runs.
      const rated = analyze('security', '--offline=yes', '--threshold=20', '--no-pager', unit);
      expect([rated.status, rated.stdout.split('\n').at(-2)]).toEqual([0, expect.any(String)]);
      rmSync(directory, {recursive: true});
    },
  );
});

describe.skipIf(spawnSync('promtool', ['--version']).status !== 0)(
  'Prometheus (wants promtool, of the package prometheus)',
  () => {
    const promtool = (...args: string[]) => {
      const {status, stderr} = spawnSync('promtool', args, {encoding: 'utf8'});
      return {status, stderr};
    };

    test('takes the configuration and each alert', () => {
      const checked = promtool('check', 'config', path.join(ROOT, SCRAPES));
      expect(checked).toEqual({status: 0, stderr: ''});
    });

    test('takes each query of the dashboard', () => {
      const directory = mkdtempSync(path.join(tmpdir(), 'flotilla-queries-'));
      const file = path.join(directory, 'queries.json');
      // What Grafana fills in. A rule is the form in which promtool reads an expression; JSON is YAML.
      const filled = targetsOf(dashboard()).map(({expr}) =>
        expr.replaceAll('$__rate_interval', '1m').replaceAll(/\$\{?\w+(?::\w+)?\}?/g, 'any'),
      );
      const rules = filled.map((expr, i) => ({record: `query_${i}`, expr}));
      expect(rules.length).toBeGreaterThan(50);
      writeFileSync(file, JSON.stringify({groups: [{name: 'dashboard', rules}]}));
      expect(promtool('check', 'rules', file)).toEqual({status: 0, stderr: ''});
      rmSync(directory, {recursive: true});
    });
  },
);
