import {spawnSync} from 'node:child_process';
import {fileURLToPath} from 'node:url';
import {expect, test} from 'vitest';
import {parseIngestOptions} from './options.ts';
import {ConsensusWords, FailoverWords, GroupsWords, SteadyWords} from './scenario-options.ts';
import {describeFaults} from './usage.ts';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));
const TIMES = {seconds: '1', warmup: '0'};
const CONSENSUS = {nodes: '3', clients: '1', ...TIMES, targets: 'flotilla', peers: ''};
const GROUPS = {groups: '64', idleSeconds: 'x', waitSeconds: '1'};
const STEADY = {minutes: '0', load: '2', findingSeconds: '1', storageSeconds: '1'};

test.each([
  [ConsensusWords.safeParse({...CONSENSUS, clients: '64,0'}), /^--clients: Too small/],
  [ConsensusWords.safeParse({...CONSENSUS, nodes: '10'}), /^--nodes: Too big/],
  [ConsensusWords.safeParse({...CONSENSUS, peers: 'zk'}), /^--peers: Invalid option.*"etcd"/],
  [FailoverWords.safeParse({fault: 'boom', rounds: '1', peers: ''}), /^--fault: Invalid option/],
  [GroupsWords.safeParse(GROUPS), /^--idle-seconds: Invalid input/],
  [SteadyWords.safeParse(STEADY), /^--minutes: Too small.*\n--load: Too big/],
  [parseIngestOptions({}), /^--hosts: /],
])('a bad value is told with the option as it is typed: %#', ({error}, words) => {
  expect(describeFaults(error!)).toMatch(words);
});

test.each([
  [['groups', '--groups', '0'], '--groups: Too small'],
  [['steady', '--minute', '1'], "unknown option '--minute'"],
])(
  '%j ends with the code of a bad command line',
  (args, words) => {
    const {status, stderr, stdout} = spawnSync(process.execPath, [MAIN, ...args], {
      encoding: 'utf8',
    });
    expect(stderr).toContain(words);
    expect({status, stdout}).toEqual({status: 64, stdout: ''});
  },
  60_000,
);
