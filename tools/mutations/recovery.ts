// Bugs of what people do when a majority is lost for good.

import type {Mutation} from './mutation.ts';

const RECOVERY_SUITES = ['packages/catalog/src/recovery'];

export const RECOVERY_MUTATIONS: readonly Mutation[] = [
  {
    id: 'recovery-gives-ids-again',
    trap: 'T66',
    file: 'packages/catalog/src/recovery/passed-over.ts',
    find: 'return [kind, free + IDS_SKIPPED];',
    replace: 'return [kind, free];',
    why: 'After a lost majority of meta, ids that its last commands gave out are given to others.',
    suites: RECOVERY_SUITES,
  },
  {
    id: 'sets-unknown-after-recovery-destroyed',
    trap: 'T72',
    file: 'packages/catalog/src/planning/reconcile.ts',
    find: "if (group === undefined && isPassedOver(catalog, 'replicaSet', set)) continue;",
    replace: "if (group !== undefined && isPassedOver(catalog, 'replicaSet', set)) continue;",
    why: 'What the lost members of meta made last is destroyed on the nodes that are left.',
    suites: RECOVERY_SUITES,
  },
  {
    id: 'lost-nodes-keep-what-came-late',
    trap: 'T57',
    file: 'packages/catalog/src/planning/expulsions.ts',
    find: 'return 2 * kept.length > voters.length;',
    replace: 'return 2 * kept.length > 2 * voters.length;',
    why: 'A set that was changing its members when nodes were declared lost counts their votes for ever.',
    suites: ['packages/catalog/src/planning/expulsions.test.ts'],
  },
  {
    id: 'survivor-cut-at-its-commit',
    trap: 'T55',
    file: 'packages/multiraft/src/host/take-over.ts',
    find: 'const {lastIndex} = place;',
    replace: 'const lastIndex = place.commit;',
    why: 'What a survivor holds of writes that were acknowledged, and was not told so, is lost.',
    suites: ['packages/multiraft/src/host/take-over.test.ts'],
  },
  {
    id: 'recovered-set-keeps-its-lost-members',
    trap: 'T57',
    file: 'packages/storage/src/snapshot.ts',
    find: 'const {index: at, term, configuration} = staged.point;',
    replace:
      'const {index: at, term} = staged.point;\n  const configuration = state.point?.configuration;',
    why: 'A restart before the next flush finds the lost majority in force, and waits for it for ever.',
    suites: ['packages/storage/src/replica-storage-snapshots.test.ts'],
  },
];
