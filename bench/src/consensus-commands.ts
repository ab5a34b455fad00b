// The commands of the scenarios that show what the Raft groups do: consensus, failover, groups, steady.

import type {Command} from 'commander';
import {CONSENSUS_TARGETS, runConsensus} from './consensus/consensus.ts';
import {runFailover} from './failover/failover.ts';
import {runGroups} from './groups/groups.ts';
import {profileFlags} from './options.ts';
import {runWith, say} from './run-with.ts';
import {ConsensusWords, FailoverWords, GroupsWords, SteadyWords} from './scenario-options.ts';
import {runSteady} from './steady/steady.ts';

export function addConsensusCommands(program: Command): void {
  addConsensus(program);
  addFailover(program);
  addGroups(program);
  addSteady(program);
}

function addConsensus(program: Command): void {
  program
    .command('consensus')
    .description('small durable writes through the gRPC of three nodes')
    .option('--nodes <n>', 'of each system', '3')
    .option('--clients <list>', 'each with one write under way', '1,64,256')
    .option('--seconds <n>', 'measured for each target and number of clients', '10')
    .option('--warmup <n>', 'seconds before, not counted', '2')
    .option('--targets <list>', 'of Flotilla', CONSENSUS_TARGETS.join(','))
    .option('--peers <list>', 'etcd, etcd-leader (all its clients on the member that leads)', '')
    .option('--engine-threads <n>', 'of each Flotilla node (default: its own)')
    .option('--cpu-prof <directory>', 'a .cpuprofile of each thread of the nodes goes there')
    .option('--json', 'print JSON on the last line')
    .addHelpText(
      'after',
      `
Examples:
  npm run bench -- consensus --clients 64 --peers etcd --json
  npm run bench -- consensus --clients 1,64,256 --peers etcd,etcd-leader --seconds 20
  npm run bench -- consensus --nodes 1 --clients 64 --targets flotilla-http
`,
    )
    .action((raw: unknown) =>
      runWith(ConsensusWords, raw, (words) => {
        const {warmup: warmupSeconds, cpuProf, ...rest} = words;
        const nodeFlags = cpuProf === undefined ? undefined : () => profileFlags(cpuProf);
        return runConsensus({...rest, warmupSeconds, nodeFlags, say});
      }),
    );
}

function addFailover(program: Command): void {
  program
    .command('failover')
    .description('how long nothing is acknowledged when the node that leads is lost')
    .option(
      '--fault <list>',
      'kill (-9), stop (SIGSTOP), cut (from the network; wants root)',
      'kill',
    )
    .option('--rounds <n>', 'for each fault', '20')
    .option('--peers <list>', 'etcd', '')
    .option('--json', 'print JSON on the last line')
    .addHelpText(
      'after',
      `
Examples:
  npm run bench -- failover --fault kill --rounds 20 --peers etcd --json
  npm run bench -- failover --fault kill,stop,cut --rounds 5
`,
    )
    .action((raw: unknown) =>
      runWith(FailoverWords, raw, ({fault: faults, rounds, peers}) =>
        runFailover({faults, rounds, withEtcd: peers.length > 0, say}),
      ),
    );
}

function addGroups(program: Command): void {
  program
    .command('groups')
    .description('many idle replica sets on three nodes')
    .option('--groups <n>', 'rounded up to whole buckets of 64 shards', '10000')
    .option('--idle-seconds <n>', 'how long they are watched', '30')
    .option('--settle-seconds <n>', 'before anything is looked at', '3')
    .option('--wait-seconds <n>', 'until they are made, or led, at most', '1800')
    .option('--engine-threads <n>', 'of each node (default: its own)')
    .option('--json', 'print JSON on the last line')
    .addHelpText('after', '\nExample:\n  npm run bench -- groups --groups 10000 --json\n')
    .action((raw: unknown) =>
      runWith(GroupsWords, raw, ({waitSeconds, ...words}) =>
        runGroups({...words, waitMsMax: waitSeconds * 1000, say}),
      ),
    );
}

function addSteady(program: Command): void {
  program
    .command('steady')
    .description('three nodes at a share of their best rate, with queries, flush and compaction')
    .option('--minutes <n>', 'may be a fraction', '60')
    .option('--load <share>', 'of the best rate', '0.8')
    .option('--finding-seconds <n>', 'at full speed, to find the best rate', '20')
    .option('--storage-seconds <n>', 'between flush and compaction of two nodes', '60')
    .option('--engine-threads <n>', 'of each node (default: its own)')
    .option('--json', 'print JSON on the last line')
    .addHelpText('after', '\nExample:\n  npm run bench -- steady --minutes 60 --json\n')
    .action((raw: unknown) => runWith(SteadyWords, raw, (words) => runSteady({...words, say})));
}
