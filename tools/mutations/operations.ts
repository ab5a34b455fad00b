// Bugs against the rules by which a cluster is run: who may change it, what people told it to leave alone,
// what time may delete, where replicas may go, and which thread of a node takes an order.

import type {Mutation} from './mutation.ts';

const DOOR = 'packages/server/src/doors/admin-door.ts';
const EVACUATION = 'packages/catalog/src/planning/evacuation.ts';
const FITNESS = 'packages/catalog/src/planning/fitness.ts';
const PAUSES = 'packages/catalog/src/planning/pauses.ts';
const RELAY = 'packages/server/src/node/relay.ts';
const REQUESTS = 'packages/multiraft/src/host/requests.ts';
const TABLE_FATES = 'packages/storage/src/table-fates.ts';
const UPKEEP = 'packages/catalog/src/planning/upkeep.ts';

const DOOR_SUITES = ['packages/server/src/doors/admin-door.test.ts'];
const EVACUATION_SUITES = ['packages/catalog/src/planning/evacuation.test.ts'];
const FATES_SUITES = ['packages/storage/src/table-fates.test.ts'];
const FULL_DISK_SUITES = ['packages/multiraft/src/host/full-disk.test.ts'];
const PAUSES_SUITES = ['packages/catalog/src/planning/pauses.test.ts'];
const PLACEMENT_SUITES = ['packages/catalog/src/planning/placement.test.ts'];
const RELAY_SUITES = ['packages/server/src/node/relay.test.ts'];
const REOPENING_SUITES = ['packages/multiraft/src/host/reopening.test.ts'];
const UPKEEP_SUITES = ['packages/catalog/src/planning/upkeep.test.ts'];
const EXPIRY_SUITES = ['packages/catalog/src/planning/expiry.test.ts'];
const VERSION_SUITES = [
  'packages/catalog/src/cluster-version.test.ts',
  'packages/meta/src/cluster-version.test.ts',
];

const ACCESS_MUTATIONS: readonly Mutation[] = [
  {
    id: 'any-token-opens',
    trap: '–',
    file: DOOR,
    find: 'known.filter((one) => isSameHash(one.hash, hash))',
    replace: 'known.filter((one) => isSameHash(one.hash, one.hash))',
    why: 'Whoever sends some token may change the cluster.',
    suites: DOOR_SUITES,
  },
  {
    id: 'first-token-for-ever',
    trap: '–',
    file: DOOR,
    find: 'if (tokens.length > 0 || firstHash === undefined) return tokens;',
    replace:
      "if (tokens.length > 0 && firstHash !== undefined)\n      return [...tokens, {name: 'admin', hash: firstHash}];\n    if (firstHash === undefined) return tokens;",
    why: 'The token of the founding is taken after it was revoked.',
    suites: DOOR_SUITES,
  },
  {
    id: 'revoked-token-kept',
    trap: '–',
    file: 'packages/catalog/src/machine/token-commands.ts',
    find: "draft.remove('token', token.id);",
    replace: "draft.put('token', token.id, token);",
    why: 'A token that was revoked is still taken.',
    suites: ['packages/catalog/src/machine/token-commands.test.ts'],
  },
  {
    id: 'statements-of-administrators-for-all',
    trap: '–',
    file: 'packages/server/src/engine/guarded-statements.ts',
    find: 'if (!EVERYBODY.has(kind)) return true;',
    replace: 'if (!EVERYBODY.has(kind)) return false;',
    why: 'Whoever may write moves replicas and makes tenants, and no audit log tells of it.',
    suites: ['packages/server/src/engine/guarded-statements.test.ts'],
  },
  {
    id: 'purge-for-all',
    trap: '–',
    file: 'packages/server/src/engine/guarded-statements.ts',
    find: '(statement.afterMs ?? retentionMs) < retentionMs;',
    replace: '(statement.afterMs ?? retentionMs) < 0;',
    why: 'Whoever may write takes away for good what could have been recovered.',
    suites: ['packages/server/src/engine/guarded-statements.test.ts'],
  },
];

const VERSION_MUTATIONS: readonly Mutation[] = [
  {
    id: 'final-without-whom-it-did-not-ask',
    trap: 'T71',
    file: 'packages/catalog/src/machine/cluster-commands.ts',
    find: "if (state === 'decommissioned' || nodes.includes(id)) continue;",
    replace: "if (state === 'decommissioned' || nodes.length > 0) continue;",
    why: 'A node of an older build joins while an upgrade is made final, and is sent what it does not know.',
    suites: [...VERSION_SUITES, 'packages/catalog/src/machine/catalog-machine.test.ts'],
  },
  {
    id: 'final-without-who-is-silent',
    trap: '–',
    file: 'packages/server/src/engine/upgrade.ts',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the text of the source
    find: 'if (clusterVersionMax === undefined) return `node ${node} (${address}) does not answer`;',
    replace: 'if (clusterVersionMax === undefined) return [];',
    why: 'What a silent node can is taken for granted.',
    suites: ['packages/server/src/engine/upgrade.test.ts'],
  },
];

const DISK_MUTATIONS: readonly Mutation[] = [
  {
    id: 'replicas-given-to-a-full-disk',
    trap: 'T79',
    file: FITNESS,
    find: 'return report === undefined || report.diskFree >= REPLICA_DISK_FREE_MIN;',
    replace: 'return report === undefined || report.diskFree >= 0;',
    why: 'A disk with less than 15 % free is filled up with more replicas.',
    suites: PLACEMENT_SUITES,
  },
  {
    id: 'writes-to-a-full-disk',
    trap: 'T79',
    file: REQUESTS,
    find: 'if (group.store.isFull && !onFullDisk)',
    replace: 'if (group.store.isFull && group.isGone)',
    why: 'Writes take the last 5 % of a disk, and no vote and no drop finds room.',
    suites: FULL_DISK_SUITES,
  },
  {
    id: 'drops-refused-on-a-full-disk',
    trap: 'T79',
    file: REQUESTS,
    find: 'if (group.store.isFull && !onFullDisk)',
    replace: 'if (group.store.isFull)',
    why: 'What would free a full disk is refused because it is full.',
    suites: FULL_DISK_SUITES,
  },
  {
    id: 'full-only-at-the-last-byte',
    trap: 'T79',
    file: 'packages/multiraft/src/host/store.ts',
    find: 'this.isFull = share < limits.diskFreeShareMin;',
    replace: 'this.isFull = share <= 0;',
    why: 'The reserve is given to proposals, and a full disk keeps its leads.',
    suites: FULL_DISK_SUITES,
  },
];

const PEOPLE_MUTATIONS: readonly Mutation[] = [
  {
    id: 'paused-automation-goes-on',
    trap: '–',
    file: PAUSES,
    find: 'return !pausesOf(cluster, nowMs).some((pause) => pause.kind === kind);',
    replace: 'return pausesOf(cluster, nowMs).length >= 0;',
    why: 'The cluster moves replicas while people told it not to.',
    suites: PAUSES_SUITES,
  },
  {
    id: 'one-pause-stops-all',
    trap: '–',
    file: PAUSES,
    find: '.some((pause) => pause.kind === kind);',
    replace: '.some((pause) => pause.kind !== undefined);',
    why: 'While rebalancing is paused nothing lost is made anew.',
    suites: PAUSES_SUITES,
  },
  {
    id: 'pause-without-an-end',
    trap: '–',
    file: PAUSES,
    find: 'untilMs === undefined || untilMs > nowMs);',
    replace: 'untilMs === undefined || untilMs > 0);',
    why: 'A pause of two hours lasts for ever, and nothing lost is made anew.',
    suites: PAUSES_SUITES,
  },
  {
    id: 'repair-of-a-node-in-maintenance',
    trap: '–',
    file: PAUSES,
    find: '? Math.max(silentSinceMs, maintenance.untilMs)',
    replace: '? silentSinceMs',
    why: 'The replicas of a node that is being mended are made anew elsewhere.',
    suites: [...PAUSES_SUITES, 'packages/catalog/src/planning/repairs.test.ts'],
  },
  {
    id: 'leads-stay-in-maintenance',
    trap: '–',
    file: PAUSES,
    find: "return node === undefined || node.state !== 'active' || maintenanceOf(node, nowMs) !== undefined;",
    replace: "return node === undefined || node.state !== 'active';",
    why: 'A node that is about to be stopped leads until it stops.',
    suites: PAUSES_SUITES,
  },
  {
    id: 'zones-ignored',
    trap: '–',
    file: 'packages/catalog/src/planning/placement.ts',
    find: '(zones.get(zoneOf(a)) ?? 0) - (zones.get(zoneOf(b)) ?? 0) ||',
    replace: '',
    why: 'One zone holds a majority of a set while another stands empty.',
    suites: PLACEMENT_SUITES,
  },
  {
    id: 'repairs-in-a-cut-cluster',
    trap: 'T72',
    file: 'packages/catalog/src/planning/repairs.ts',
    find: 'if (silent.length <= counted.length * DEAD_SHARE_MAX) return undefined;',
    replace: 'if (silent.length <= counted.length) return undefined;',
    why: 'A cluster that is cut in two makes copies of all that is on the other side.',
    suites: ['packages/catalog/src/planning/repairs.test.ts'],
  },
  {
    id: 'gone-with-replicas-left',
    trap: '–',
    file: EVACUATION,
    find: 'if (!report.live || size === 0) return undefined;',
    replace: 'if (!report.live || size >= 0) return undefined;',
    why: 'A node is told to be drained, or off the list, while it still has replicas to remove: it is stopped with them.',
    suites: EVACUATION_SUITES,
  },
  {
    id: 'gone-before-it-is-heard',
    trap: '–',
    file: EVACUATION,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the text of the source
    find: 'if (report === undefined) return `node ${node} to be heard, or known to be silent`;',
    replace: 'if (report === undefined) return undefined;',
    why: 'The same by a new leader of meta, which has not asked the node yet.',
    suites: EVACUATION_SUITES,
  },
  {
    id: 'dead-node-waited-for',
    trap: '–',
    file: EVACUATION,
    find: 'if (!report.live || size === 0) return undefined;',
    replace: 'if (size === 0) return undefined;',
    why: 'A node that died cannot be taken off the list: it never removes its last replica.',
    suites: EVACUATION_SUITES,
  },
  {
    id: 'failed-copy-tried-again-at-once',
    trap: '–',
    file: 'packages/catalog/src/planning/rebalance.ts',
    find: '.filter(({id}) => !failed.has(id));',
    replace: '.filter(() => failed.size >= 0);',
    why: 'A node that loses what it is given is sent another copy in the next round, for ever.',
    suites: ['packages/catalog/src/planning/cancelled.test.ts'],
  },
  {
    id: 'no-pause-between-failed-copies',
    trap: '–',
    file: 'packages/catalog/src/planning/targets.ts',
    find: 'free.filter(({id}) => !paused.has(id));',
    replace: 'free.filter(() => paused.size >= 0);',
    why: 'A drain whose only target loses each replica copies without end.',
    suites: ['packages/catalog/src/planning/copy-pauses.test.ts'],
  },
];

const TIME_MUTATIONS: readonly Mutation[] = [
  {
    id: 'rest-by-the-later-of-two-clocks',
    trap: '–',
    file: 'packages/catalog/src/planning/clocks.ts',
    find: 'return median === undefined || median.highMs - median.lowMs <= CLOCK_TRUSTED_MS;',
    replace: 'return true;',
    why: 'A pause of a minute lasts for as long as one of two clocks is ahead.',
    suites: ['packages/catalog/src/planning/clocks.test.ts'],
  },
  {
    id: 'database-purged-before-its-time',
    trap: '–',
    file: UPKEEP,
    find: 'Math.max(purgeAtMs, sinceMs + PURGE_AFTER_MS_MIN) <= nowMs',
    replace: 'Math.min(purgeAtMs, sinceMs + PURGE_AFTER_MS_MIN) <= nowMs',
    why: 'What was dropped by mistake is gone before anybody sees it.',
    suites: UPKEEP_SUITES,
  },
  {
    id: 'hastened-purge-waits-for-a-wrong-clock',
    trap: '–',
    file: UPKEEP,
    find: 'const sinceMs = atMs <= nowMs ? atMs : purgeAtMs;',
    replace: 'const sinceMs = atMs;',
    why: 'What is to free a full disk at once is there for as long as the clock was ahead by which it was dropped.',
    suites: UPKEEP_SUITES,
  },
  {
    id: 'table-purged-before-its-time',
    trap: '–',
    file: UPKEEP,
    find: 'dropped!.purgeAtMs <= nowMs',
    replace: 'dropped!.atMs <= nowMs',
    why: 'The same of a table.',
    suites: UPKEEP_SUITES,
  },
  {
    id: 'expired-files-gone-at-once',
    trap: '–',
    file: UPKEEP,
    find: 'expiredAtMs + retentionMs <= nowMs',
    replace: 'expiredAtMs <= nowMs',
    why: 'A ttl that was shortened by mistake takes the files with it.',
    suites: UPKEEP_SUITES,
  },
  {
    id: 'late-plan-drops-what-came-back',
    trap: '–',
    file: 'packages/catalog/src/machine/bucket-commands.ts',
    find: 'expiredAtMs !== undefined && expiredAtMs !== bucket.expiredAtMs',
    replace: 'expiredAtMs !== undefined && bucket.endMs < bucket.startMs',
    why: 'A ttl is put right, and a plan of the moment before deletes the buckets that it has brought back.',
    suites: EXPIRY_SUITES,
  },
  {
    id: 'late-plan-hides-by-the-old-ttl',
    trap: '–',
    file: 'packages/catalog/src/machine/expiry-commands.ts',
    find: 'ttlMs !== undefined && ttlMs !== database.options.ttlMs',
    replace: 'ttlMs !== undefined && ttlMs <= 0',
    why: 'A ttl is put right, and a plan of the moment before hides everything again, for as long as the right one is.',
    suites: EXPIRY_SUITES,
  },
  {
    id: 'shown-below-what-is-gone',
    trap: '–',
    file: 'packages/catalog/src/machine/expiry-commands.ts',
    find: 'return Math.max(keptMs, purgedBeforeMs);',
    replace: 'return Math.max(keptMs, -Infinity);',
    why: 'A router that is behind got a row into a bucket that is gone, and times are shown in which it is missing.',
    suites: EXPIRY_SUITES,
  },
  {
    id: 'old-catalog-hides-what-is-back',
    trap: '–',
    file: 'packages/storage/src/expired-rows.ts',
    find: 'plannedAt > catalogVersion',
    replace: 'plannedAt < 0 && plannedAt > catalogVersion',
    why: 'A longer ttl was acknowledged, and a replica that has not heard of it leaves its rows out of an answer.',
    suites: ['packages/storage/src/expired-rows.test.ts'],
  },
  {
    id: 'expiry-by-a-wrong-clock',
    trap: 'T63',
    file: 'packages/catalog/src/planning/clocks.ts',
    find: '(offsetMs) => Math.abs(offsetMs) <= CLOCK_TRUSTED_MS);',
    replace: '(offsetMs) => Math.abs(offsetMs) <= Infinity);',
    why: "A year's rows are hidden because the clock of meta's leader is a year ahead.",
    suites: ['packages/catalog/src/planning/clocks.test.ts'],
  },
  {
    id: 'new-leader-trusts-its-own-clock',
    trap: 'T63',
    file: 'packages/catalog/src/planning/clocks.ts',
    find: 'if (median === undefined || !areClocksCompared(reports, nodeCount)) return false;',
    replace: 'if (median === undefined) return false;',
    why: 'A leader of meta that has heard of nobody yet expires by the only clock it knows, its own.',
    suites: ['packages/catalog/src/planning/clocks.test.ts'],
  },
  {
    id: 'purged-table-recovered',
    trap: 'T68',
    file: TABLE_FATES,
    find: 'if (this.#purged.has(table)) return false;',
    replace: 'this.#purged.delete(table);',
    why: 'A dead id lives again, and with it what some replicas have deleted and others have not.',
    suites: FATES_SUITES,
  },
  {
    id: 'recovered-table-stays-dead',
    trap: '–',
    file: TABLE_FATES,
    find: 'this.#dropped.delete(table);\n    return true;',
    replace: 'return true;',
    why: 'A table is recovered, and its rows are not seen again.',
    suites: FATES_SUITES,
  },
  {
    id: 'drop-after-the-purge',
    trap: 'T68',
    file: TABLE_FATES,
    find: 'if (!this.#purged.has(table)) this.#dropped.add(table);',
    replace: 'this.#purged.delete(table);\n    this.#dropped.add(table);',
    why: 'A drop that comes late makes of a purged table one that can be recovered.',
    suites: FATES_SUITES,
  },
];

const SKIP_MUTATIONS: readonly Mutation[] = [
  {
    id: 'skipped-entry-applied',
    trap: '–',
    file: 'packages/multiraft/src/host/applier.ts',
    find: "entry.type === 'normal' && orders?.skipped.includes(entry.index) !== true;",
    replace: "entry.type === 'normal';",
    why: 'A group that was told to pass over an entry stops at it again.',
    suites: REOPENING_SUITES,
  },
  {
    id: 'skips-all-that-follow',
    trap: '–',
    file: 'packages/multiraft/src/host/applier.ts',
    find: 'orders?.skipped.includes(entry.index) !== true;',
    replace: '(orders?.skipped[0] ?? Infinity) > entry.index;',
    why: 'What was acknowledged after an entry that is passed over has no effect.',
    suites: REOPENING_SUITES,
  },
  {
    id: 'opened-anew-without-its-log',
    trap: 'T43',
    file: 'packages/multiraft/src/host/replica-orders.ts',
    find: 'if (group.stopped === undefined) return;\n        await this.#hooks.forget(group);',
    replace: 'if (group.stopped === undefined) return;',
    why: 'A replica that is opened anew has two cores, and the one that stopped still owns its place.',
    suites: REOPENING_SUITES,
  },
];

const THREAD_MUTATIONS: readonly Mutation[] = [
  {
    id: 'stranger-not-dialled',
    trap: 'T22',
    file: 'packages/server/src/node/node-addresses.ts',
    find: 'isStrange: from === undefined && isMetaHeard()',
    replace: 'isStrange: false',
    why: 'An old image from when its node was alone leads all by itself, and never meets who joined since.',
    suites: ['packages/server/src/node/node-addresses.test.ts'],
  },
  {
    id: 'used-ids-forgotten-with-the-threads',
    trap: 'T67',
    file: RELAY,
    find: 'return this.#buried.get(set)?.thread ?? this.#dealt(set);',
    replace: 'return this.#dealt(set);',
    why: 'After a start with other threads a late order makes a replica anew under the id of a destroyed one.',
    suites: RELAY_SUITES,
  },
  {
    id: 'orders-before-all-threads-have-told',
    trap: 'T66',
    file: RELAY,
    find: 'if (known !== undefined || !this.#isComplete || !this.#deps.isVetted(from)) return known;',
    replace: 'if (known !== undefined || !this.#deps.isVetted(from)) return known;',
    why: 'A replica that one thread is still opening is made a second time in another.',
    suites: RELAY_SUITES,
  },
  {
    id: 'orders-before-what-the-sender-remembers',
    trap: 'T66',
    file: RELAY,
    find: 'if (known !== undefined || !this.#isComplete || !this.#deps.isVetted(from)) return known;',
    replace: 'if (known !== undefined || !this.#isComplete) return known;',
    why: 'One thread makes anew what the store of another has lost.',
    suites: RELAY_SUITES,
  },
];

const CHECKSUM_MUTATIONS: readonly Mutation[] = [
  {
    id: 'checksum-waits-for-no-member',
    trap: '–',
    file: 'packages/catalog/src/planning/replica-work.ts',
    find: 'if (report === undefined || !group.isMember(placed.replica)) return',
    replace: 'if (report === undefined) return',
    why: 'A replica that is placed and no member yet is waited for, and becomes none as long as that goes on.',
    suites: ['packages/catalog/src/planning/replica-work.test.ts'],
  },
  {
    id: 'single-voter-is-right',
    trap: '–',
    file: 'packages/catalog/src/planning/replica-work.ts',
    find: 'if (differing.length > 0 && agreeing.length < 2)',
    replace: 'if (differing.length > 0 && agreeing.length < 1)',
    why: 'What a single voter has wrongly is taken for right, and the last replica that is right is made anew of it.',
    suites: ['packages/catalog/src/planning/replica-work.test.ts'],
  },
];

export const OPERATIONS_MUTATIONS: readonly Mutation[] = [
  ...ACCESS_MUTATIONS,
  ...VERSION_MUTATIONS,
  ...DISK_MUTATIONS,
  ...PEOPLE_MUTATIONS,
  ...TIME_MUTATIONS,
  ...SKIP_MUTATIONS,
  ...THREAD_MUTATIONS,
  ...CHECKSUM_MUTATIONS,
];
