// Prometheus's text format 0.0.4, read strictly: what a lenient scraper would let pass is an error here.
// prometheus.io/docs/instrumenting/exposition_formats, and the rules for names in docs/practices/naming.

export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  /** By the name that stands in the line: a histogram has three. */
  readonly series: Map<string, Series[]>;
}

const NAME = /^[a-z][a-z0-9_]*$/;
const LINE = /^([a-z_][a-z0-9_]*)(?:\{([^}]*)\})? (\S+)$/;
const LABEL = /^([a-z][a-z_]*)="((?:[^"\\\n]|\\["\\n])*)"$/;
const VALUE = /^(?:[+-]?Inf|NaN|[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/;

/** Throws at the first line that breaks a rule. */
export function parseExposition(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line does not end');
  const families = new Map<string, Family>();
  const seen = new Set<string>();
  let family: Family | undefined;
  let help: {name: string; text: string} | undefined;
  for (const line of text.slice(0, -1).split('\n')) {
    if (line === '') continue;
    const [, word, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (word === 'HELP') {
      help = {name, text: rest};
    } else if (word === 'TYPE') {
      if (help?.name !== name) throw new Error(`TYPE without HELP: ${line}`);
      family = begin(families, {name, type: rest, help: help.text});
    } else if (family === undefined || line.startsWith('#')) {
      throw new Error(`neither HELP, TYPE nor a sample: ${line}`);
    } else {
      addSample(family, line, seen);
    }
  }
  for (const each of families.values()) if (each.type === 'histogram') checkHistogram(each);
  return families;
}

function begin(
  families: Map<string, Family>,
  {name, type, help}: {name: string; type: string; help: string},
): Family {
  if (families.has(name)) throw new Error(`${name} comes twice`);
  if (!NAME.test(name)) throw new Error(`no name: ${name}`);
  if (!['counter', 'gauge', 'histogram'].includes(type)) throw new Error(`${name}: type ${type}`);
  if ((type === 'counter') !== name.endsWith('_total'))
    throw new Error(`${name} of type ${type}: _total is for counters, all of them`);
  if (type === 'histogram' && !/_(seconds|bytes)$/.test(name))
    throw new Error(`${name}: a histogram names its base unit last`);
  if (/_(ms|milliseconds|us|ns|kb|mb|kib|mib|percent|minutes)(_|$)/.test(name))
    throw new Error(`${name}: not a base unit`);
  const family = {name, type, help, series: new Map()};
  families.set(name, family);
  return family;
}

function addSample(family: Family, line: string, seen: Set<string>): void {
  const [, name, labelText, value = ''] = LINE.exec(line) ?? [];
  if (name === undefined || !VALUE.test(value)) throw new Error(`no sample: ${line}`);
  const suffixes = family.type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
  if (!suffixes.some((suffix) => name === family.name + suffix))
    throw new Error(`${name} stands under ${family.name}`);
  const labels = labelsOf(labelText, line);
  const key = `${name} ${JSON.stringify(Object.entries(labels).sort())}`;
  if (seen.has(key)) throw new Error(`comes twice: ${line}`);
  seen.add(key);
  const number = Number(value.replace('Inf', 'Infinity'));
  if (family.type !== 'gauge' && !(number >= 0)) throw new Error(`below zero: ${line}`);
  const series = family.series.get(name) ?? [];
  series.push({labels, value: number});
  family.series.set(name, series);
}

function labelsOf(text: string | undefined, line: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const pair of text === undefined ? [] : text.split(/,(?=[a-z_]+=")/)) {
    const [, name, value] = LABEL.exec(pair) ?? [];
    if (name === undefined || value === undefined) throw new Error(`no label: ${line}`);
    if (Object.hasOwn(labels, name)) throw new Error(`label ${name} comes twice: ${line}`);
    labels[name] = value;
  }
  return labels;
}

/** Buckets ascend, the last is +Inf and as large as the count; each series has all three. */
function checkHistogram({name, series}: Family): void {
  const groups = new Map<string, {le: number; value: number}[]>();
  const keyOf = ({le: _, ...rest}: Record<string, string>): string => JSON.stringify(rest);
  for (const {labels, value} of series.get(`${name}_bucket`) ?? []) {
    const le = Number(labels['le']?.replace('Inf', 'Infinity'));
    if (Number.isNaN(le)) throw new Error(`${name}: a bucket without le`);
    groups.set(keyOf(labels), [...(groups.get(keyOf(labels)) ?? []), {le, value}]);
  }
  for (const suffix of ['_sum', '_count']) {
    const keys = (series.get(name + suffix) ?? []).map(({labels}) => keyOf(labels));
    if (keys.sort().join() !== [...groups.keys()].sort().join())
      throw new Error(`${name}${suffix} is not of the same series as its buckets`);
  }
  for (const {labels, value} of series.get(`${name}_count`) ?? []) {
    const buckets = groups.get(keyOf(labels))!;
    const ascend = buckets.every(
      ({le, value: count}, i) =>
        i === 0 || (le > buckets[i - 1]!.le && count >= buckets[i - 1]!.value),
    );
    const last = buckets.at(-1)!;
    if (!ascend || last.le !== Number.POSITIVE_INFINITY || last.value !== value)
      throw new Error(`${name}: buckets that do not add up: ${JSON.stringify(buckets)}`);
  }
}
