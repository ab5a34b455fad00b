import fc from 'fast-check';
import {expect, test} from 'vitest';
import {decodeConfigChange, encodeConfigChange} from './config-change-codec.ts';
import type {ConfigChange, ConfigChangeMode, Configuration} from './configuration.ts';
import {
  changeConfig,
  configurationFault,
  EMPTY_CONFIGURATION,
  isJoint,
  membersOf,
} from './configuration.ts';

const change: fc.Arbitrary<ConfigChange> = fc.record({
  type: fc.constantFrom('voter', 'learner', 'remove'),
  id: fc.integer({min: 1, max: 6}),
});
const changes = fc.uniqueArray(change, {maxLength: 4, selector: ({id}) => id});
const mode = fc.constantFrom<ConfigChangeMode>('simple', 'joint', 'joint-explicit', 'leave');
const START: Configuration = {...EMPTY_CONFIGURATION, voters: [1, 2, 3]};

function mustChange(config: Configuration, list: ConfigChange[], by: ConfigChangeMode) {
  const next = changeConfig(config, list, by);
  if ('error' in next) throw new Error(next.error);
  return next;
}

test('whatever is asked, the result is a valid configuration or a refusal', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(changes, mode), {maxLength: 12}), (steps) => {
      let config = START;
      for (const [list, by] of steps) {
        const next = changeConfig(config, list, by);
        if ('error' in next) continue;
        expect(configurationFault(next)).toBeUndefined();
        expect(next.voters.length).toBeGreaterThan(0);
        expect(isJoint(next)).toBe(by === 'joint' || by === 'joint-explicit');
        config = next;
      }
    }),
    {numRuns: 1_000},
  );
});

const list = fc.array(change, {maxLength: 8});
const someConfig: fc.Arbitrary<Configuration> = fc
  .array(fc.tuple(list, mode), {maxLength: 4})
  .map((steps) =>
    steps.reduce<Configuration>((config, [changed, by]) => {
      const next = changeConfig(config, changed, by);
      return 'error' in next ? config : next;
    }, START),
  );

/** Each member as a pair of what it is in the incoming and in the outgoing half, changed one by one. */
function naiveChange(
  config: Configuration,
  changed: readonly ConfigChange[],
  by: ConfigChangeMode,
): Configuration | undefined {
  const joint = config.votersOutgoing.length > 0;
  if (joint !== (by === 'leave') || (by === 'leave' && changed.length > 0)) return undefined;
  const enters = by === 'joint' || by === 'joint-explicit';
  const incoming = new Map<number, 'voter' | 'learner'>();
  for (const id of config.voters) incoming.set(id, 'voter');
  for (const id of [...config.learners, ...config.learnersNext]) incoming.set(id, 'learner');
  for (const {type, id} of changed) {
    if (type === 'remove') incoming.delete(id);
    else incoming.set(id, type);
  }
  const ids = (is: string) => [...incoming.keys()].filter((id) => incoming.get(id) === is);
  const voters = ids('voter').sort((a, b) => a - b);
  const learners = ids('learner').sort((a, b) => a - b);
  const moved = [1, 2, 3, 4, 5, 6].filter(
    (id) => voters.includes(id) !== config.voters.includes(id),
  );
  if (voters.length === 0 || (by === 'simple' && moved.length > 1)) return undefined;
  const outgoing = enters ? config.voters : [];
  return {
    voters,
    votersOutgoing: outgoing,
    learners: learners.filter((id) => !outgoing.includes(id)),
    learnersNext: learners.filter((id) => outgoing.includes(id)),
    autoLeave: by === 'joint',
  };
}

test('a change gives what a slow account of each member gives, or both refuse it', () => {
  const taken = {yes: 0, no: 0};
  fc.assert(
    fc.property(someConfig, list, mode, (config, changed, by) => {
      const next = changeConfig(config, changed, by);
      const expected = naiveChange(config, changed, by);
      taken[expected === undefined ? 'no' : 'yes']++;
      if (expected === undefined) expect(next).toHaveProperty('error');
      else expect(next).toEqual(expected);
    }),
    {numRuns: 5_000},
  );
  expect(taken.yes).toBeGreaterThan(500);
  expect(taken.no).toBeGreaterThan(500);
});

test('fields of the present configuration that are left out are empty', () => {
  const change = {type: 'voter', id: 4} as const;
  expect(changeConfig({voters: [1, 2, 3]}, [change], 'simple')).toEqual({
    ...START,
    voters: [1, 2, 3, 4],
  });
  const joint = {voters: [1, 2, 4], votersOutgoing: [1, 2, 3]};
  expect(changeConfig(joint, [], 'leave')).toEqual({...START, voters: [1, 2, 4]});
  expect(changeConfig({}, [], 'simple')).toHaveProperty('error');
});

test('of several changes for one member the last stands; what changes nothing is no mistake', () => {
  const start = {...EMPTY_CONFIGURATION, voters: [1]};
  const words = 'r1 r2 r9 v2 v3 v4 v2 v3 v4 l2 l2 r4 r4 l1 l1'.split(' ');
  const types = {r: 'remove', v: 'voter', l: 'learner'} as const;
  const many = words.map((word) => ({
    type: types[word[0] as 'r' | 'v' | 'l'],
    id: Number(word.slice(1)),
  }));
  expect(changeConfig(start, many, 'joint-explicit')).toEqual({
    voters: [3],
    votersOutgoing: [1],
    learners: [2],
    learnersNext: [1],
    autoLeave: false,
  });
  expect(changeConfig(START, [], 'simple')).toEqual(START);
  expect(changeConfig(START, [{type: 'remove', id: 9}], 'simple')).toEqual(START);
  expect(changeConfig(START, [], 'joint')).toEqual({
    ...START,
    votersOutgoing: [1, 2, 3],
    autoLeave: true,
  });
});

test('a first voter comes by a simple change', () => {
  const first: ConfigChange[] = [{type: 'voter', id: 1}];
  expect(changeConfig(EMPTY_CONFIGURATION, first, 'simple')).toEqual({
    ...EMPTY_CONFIGURATION,
    voters: [1],
  });
});

/** What a member is in the end, told change by change in any order. */
function naiveRoles(config: Configuration, list: readonly ConfigChange[]): Map<number, string> {
  const roles = new Map<number, string>();
  for (const id of config.voters) roles.set(id, 'voter');
  for (const id of config.learners) roles.set(id, 'learner');
  for (const {type, id} of list) {
    if (type === 'remove') roles.delete(id);
    else roles.set(id, type);
  }
  return roles;
}

test('entering and leaving a joint configuration does what the changes say', () => {
  fc.assert(
    fc.property(changes, changes, (first, second) => {
      let config = START;
      for (const list of [first, second]) {
        const joint = changeConfig(config, list, 'joint-explicit');
        if ('error' in joint) continue;
        const roles = naiveRoles(config, list);
        expect(joint.votersOutgoing).toEqual(config.voters);
        const left = mustChange(joint, [], 'leave');
        expect(new Map([...roleEntries(left)])).toEqual(roles);
        config = left;
      }
    }),
    {numRuns: 1_000},
  );
});

function* roleEntries({voters, learners}: Configuration): Generator<[number, string]> {
  for (const id of voters) yield [id, 'voter'];
  for (const id of learners) yield [id, 'learner'];
}

test('a simple change moves at most one voter', () => {
  const two: ConfigChange[] = [
    {type: 'voter', id: 4},
    {type: 'remove', id: 1},
  ];
  expect(changeConfig(START, two, 'simple')).toHaveProperty('error');
  expect(mustChange(START, two.slice(0, 1), 'simple').voters).toEqual([1, 2, 3, 4]);
  const learners: ConfigChange[] = [
    {type: 'learner', id: 4},
    {type: 'learner', id: 5},
  ];
  expect(mustChange(START, learners, 'simple').learners).toEqual([4, 5]);
});

test.each([
  ['the last voter', {...START, voters: [1]}, [{type: 'remove', id: 1}], 'simple'],
  ['leaving what is not joint', START, [], 'leave'],
  ['every voter at once', START, [1, 2, 3].map((id) => ({type: 'remove', id})), 'joint'],
  ['two voters by a simple change', START, [4, 5].map((id) => ({type: 'voter', id})), 'simple'],
  ['leaving with changes', {...START, votersOutgoing: [1]}, [{type: 'voter', id: 4}], 'leave'],
  ['a joint change of nobody', EMPTY_CONFIGURATION, [{type: 'voter', id: 1}], 'joint'],
  ['a first member that is a learner', EMPTY_CONFIGURATION, [{type: 'learner', id: 1}], 'simple'],
  ['a bad id', START, [{type: 'voter', id: 0}], 'simple'],
  ['an unknown change', START, [{type: 'witness', id: 4}], 'simple'],
  ['an unknown mode', START, [{type: 'voter', id: 4}], 'both'],
  ['what is no configuration', {...START, learners: [3]}, [{type: 'voter', id: 4}], 'simple'],
] as [string, Configuration, ConfigChange[], ConfigChangeMode][])(
  'refuses %s',
  (_, config, list, by) => {
    expect(changeConfig(config, list, by)).toHaveProperty('error');
  },
);

test('a joint configuration must be left before the next change', () => {
  const joint = mustChange(START, [{type: 'voter', id: 4}], 'joint');
  expect(joint.autoLeave).toBe(true);
  expect(changeConfig(joint, [{type: 'learner', id: 5}], 'simple')).toHaveProperty('error');
  expect(changeConfig(joint, [{type: 'voter', id: 5}], 'joint')).toHaveProperty('error');
});

test('members are listed once, ascending', () => {
  const joint = mustChange(
    START,
    [
      {type: 'learner', id: 3},
      {type: 'voter', id: 9},
    ],
    'joint',
  );
  expect(membersOf(joint)).toEqual([1, 2, 3, 9]);
});

test.each([
  [{voters: [2, 1]}],
  [{voters: [1, 1]}],
  [{voters: [0]}],
  [{voters: [1], learners: [1]}],
  [{voters: [1], learnersNext: [2]}],
  [{voters: [1], autoLeave: true}],
  [{learners: [1]}],
])('finds the fault of %j', (part) => {
  expect(configurationFault({...EMPTY_CONFIGURATION, ...part})).toBeTypeOf('string');
});

test('a change survives its encoding', () => {
  const id = fc.integer({min: 1, max: Number.MAX_SAFE_INTEGER});
  const any = fc.array(fc.record({type: fc.constantFrom('voter', 'learner', 'remove'), id}));
  fc.assert(
    fc.property(any, mode, (list, by) => {
      const command = {mode: by, changes: list as ConfigChange[]};
      expect(decodeConfigChange(encodeConfigChange(command))).toEqual(command);
    }),
  );
});

test('any bytes decode to a change or to undefined', () => {
  fc.assert(
    fc.property(fc.uint8Array({maxLength: 24}), (bytes) => {
      const command = decodeConfigChange(bytes);
      if (command !== undefined)
        expect(decodeConfigChange(encodeConfigChange(command))).toEqual(command);
    }),
  );
  const good = encodeConfigChange({mode: 'joint', changes: [{type: 'voter', id: 300}]});
  for (let end = 0; end < good.length; end++) {
    expect(decodeConfigChange(good.subarray(0, end))).toBeUndefined();
  }
  expect(decodeConfigChange(Uint8Array.of(2, 0, 0))).toBeUndefined();
  expect(decodeConfigChange(Uint8Array.of(1, 9, 0))).toBeUndefined();
});
