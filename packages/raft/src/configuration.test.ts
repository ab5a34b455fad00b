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
  ['no change', START, [], 'joint'],
  [
    'twice the same member',
    START,
    [
      {type: 'voter', id: 4},
      {type: 'remove', id: 4},
    ],
    'joint',
  ],
  ['the last voter', {...START, voters: [1]}, [{type: 'remove', id: 1}], 'simple'],
  ['leaving what is not joint', START, [], 'leave'],
  ['a bad id', START, [{type: 'voter', id: 0}], 'simple'],
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
