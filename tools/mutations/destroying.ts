// Bugs of the destruction of replica sets, and of the fences that say that a drop is applied: what is told as gone
// must be, and what takes its place must not know less than was acknowledged.

import type {Mutation} from './mutation.ts';

const PLAN = 'packages/catalog/src/planning/destroy-set.ts';
const SET_END = 'packages/catalog/src/planning/set-end.ts';
const FENCES = 'packages/replica/src/fence-handler.ts';
const FATES = 'packages/server/src/engine/table-fates.ts';

const PLAN_SUITES = ['packages/catalog/src/planning/destroy-set.test.ts'];
const FENCE_SUITES = ['packages/replica/src/fence-handler.test.ts'];
const FATES_SUITES = ['packages/server/src/engine/table-fates.test.ts'];

export const DESTROYING_MUTATIONS: readonly Mutation[] = [
  {
    id: 'successor-beside-the-set-that-it-replaces',
    trap: '–',
    file: PLAN,
    find: 'return old !== undefined && whatIsLeft(old, lists.catalog) !== undefined;',
    replace: 'return old === undefined && whatIsLeft(old!, lists.catalog) !== undefined;',
    why: 'The old set acknowledges what its successor, which is asked by then, does not know.',
    suites: PLAN_SUITES,
  },
  {
    id: 'half-of-the-voters-cannot-decide',
    trap: '–',
    file: SET_END,
    find: 'return 2 * votersLeft.length >= voters.length ||',
    replace: 'return 2 * votersLeft.length > voters.length ||',
    why: 'Two of four are left, one of the others was about to be taken out: they are a majority of three.',
    suites: PLAN_SUITES,
  },
  {
    id: 'learners-left-cannot-decide',
    trap: '–',
    file: SET_END,
    find: '|| 2 * left.length > replicas.length;',
    replace: '|| 2 * left.length > 2 * replicas.length;',
    why: 'Learners became voters since the placement was told, and go on without those that have ended.',
    suites: PLAN_SUITES,
  },
  {
    id: 'destroyed-while-a-majority-is-silent',
    trap: '–',
    file: PLAN,
    find: 'if (silent !== undefined) return wait(',
    replace: 'if (silent?.node === undefined && silent !== undefined) return wait(',
    why: 'The place is taken by a set that cannot be made until the silent nodes are back.',
    suites: PLAN_SUITES,
  },
  {
    id: 'destroyed-in-a-joint-configuration',
    trap: '–',
    file: PLAN,
    find: 'if (old.joint) {',
    replace: 'if (old.joint && operation.step === undefined) {',
    why: 'Who the members are is read from the placement, which is not what the joint configuration holds.',
    suites: PLAN_SUITES,
  },
  {
    id: 'fence-met-by-what-is-applied-here',
    trap: '–',
    file: FENCES,
    find: 'if (command !== undefined) await confirm(set, command);',
    replace: 'if (command?.table === -1) await confirm(set, command);',
    why: 'A leader tells a table as back while the drop before it is still on its way to it.',
    suites: FENCE_SUITES,
  },
  {
    id: 'confirmed-though-the-catalog-has-changed',
    trap: '–',
    file: FATES,
    find: 'if (!this.#isSo(database, command))',
    replace: 'if (this.#led.has(-1 as typeof set))',
    why: 'A table that was recovered meanwhile is dropped again by who only asks whether its drop was applied.',
    suites: FATES_SUITES,
  },
];
