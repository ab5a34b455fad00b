// A real node's directory after a clean stop: whole as it is, and whatever byte of it changes is named, but
// for those that nothing reads.

import {createHash} from 'node:crypto';
import fs from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {SeededRandom, type StoreId} from '@flotilla/base';
import {ballastPath} from '@flotilla/multiraft';
import {verifyRows} from '@flotilla/storage';
import {freePorts} from '@flotilla/testkit';
import {afterAll, beforeAll, expect, test, vi} from 'vitest';
import {openNodeDirectory, readManifestCopy, storePath} from '../adapters/index.ts';
import {startNode} from '../node/node.ts';
import {recoverMeta} from '../node/recover-meta.ts';
import {checkDirectory, type DirectoryCheck} from './check-directory.ts';

const LOG = {info: () => {}, warn: () => {}, error: () => {}};
const root = fs.mkdtempSync(path.join(tmpdir(), 'flotilla-check-test-'));
const directory = path.join(root, 'node1');
/** The same, once its catalog was recovered: the log names a snapshot that nobody has taken over. */
const recovered = path.join(root, 'recovered');
const STORE = storePath(0 as StoreId);
const READY_MS_MAX = 30_000;

beforeAll(async () => {
  const listen = `127.0.0.1:${await freePorts(2)}`;
  const node = await startNode({dataDirectory: directory, listen, engineThreads: 0, log: 'json'});
  const ask = async (at: string, body?: string) => {
    const method = body === undefined ? 'GET' : 'POST';
    const answer = await fetch(`http://${node.address}${at}`, {method, ...(body && {body})});
    return {status: answer.status, text: await answer.text()};
  };
  const isReady = async () => expect((await ask('/ready')).status).toBe(200);
  await vi.waitFor(isReady, {timeout: READY_MS_MAX});
  const write = async (from: number) => {
    const line = (i: number) =>
      `cpu,host=h${i % 30},zone=z${i % 3} usage=${i / 7},count=${i}i,name="n${i}",up=${i % 2 === 0} ${i}`;
    const lines = Array.from({length: 2_000}, (_, i) => line(from + i));
    const gone = Array.from({length: 30}, (_, i) => `gone,host=h${i} v=1 ${from + i}`);
    const body = [...lines, ...gone].join('\n');
    expect((await ask('/api/v1/write?precision=s', body)).status).toBe(204);
  };
  await write(1_795_132_800);
  expect((await ask('/admin/v1/storage/flush', '')).status).toBe(200);
  await write(1_795_142_800);
  expect((await ask('/api/v1/sql', 'DROP TABLE gone')).status).toBe(200);
  expect((await ask('/admin/v1/storage/flush', '')).status).toBe(200);
  await node.stop();
  // As where a disk was short of room once.
  fs.writeFileSync(path.join(directory, ballastPath(STORE)), Buffer.alloc(4_096, 1));
  fs.cpSync(directory, recovered, {recursive: true});
  const order = {reports: [], surviving: [], isDryRun: false, log: LOG};
  await recoverMeta({...order, directories: [recovered]});
}, 90_000);
afterAll(() => fs.rmSync(root, {recursive: true, force: true}));

const look = (): Promise<DirectoryCheck> => checkDirectory({directory});

/** By their names below `base`. */
function filesOf(base = directory): string[] {
  return fs
    .readdirSync(base, {recursive: true, withFileTypes: true})
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(base, path.join(entry.parentPath, entry.name)))
    .sort();
}

const full = (file: string): string => path.join(directory, file);
/** The lock is left alone: to close it here would give up a lock that this process holds. */
const sumsOf = () =>
  filesOf()
    .filter((file) => file !== 'lock')
    .map((file) => {
      const sum = createHash('sha256')
        .update(fs.readFileSync(full(file)))
        .digest('hex');
      return `${file} ${fs.statSync(full(file)).mtimeMs} ${sum}`;
    });

/** What is wrong while `change` lasts. */
async function whileChanged(
  file: string,
  change: () => void,
  base = directory,
): Promise<DirectoryCheck> {
  const place = path.join(base, file);
  const bytes = fs.readFileSync(place);
  try {
    change();
    return await checkDirectory({directory: base});
  } finally {
    fs.writeFileSync(place, bytes);
  }
}

function flip(place: string, offset: number, bit: number): void {
  const bytes = fs.readFileSync(place);
  bytes[offset] = bytes[offset]! ^ (1 << bit);
  fs.writeFileSync(place, bytes);
}

test('a directory after a clean stop is whole, and is as it was before the look', async () => {
  const before = sumsOf();
  const told: number[] = [];
  const found = await checkDirectory({
    directory,
    onProgress: ({bytes, bytesTotal}) => told.push(bytes / bytesTotal),
  });
  expect(sumsOf()).toEqual(before);
  expect(found.damages).toEqual([]);
  expect(found).toMatchObject({verdict: 'whole', node: 1, damageCount: 0, unreadable: []});
  expect(found.files).toBe(filesOf().length);
  expect(found.notes).toEqual([]);
  // Each byte once.
  expect(told.at(-1)).toBeCloseTo(1, 2);
  const kinds = found.kinds.map(({kind}) => kind);
  expect(kinds).toEqual([
    'identity',
    'log',
    'manifest',
    'part',
    'keys',
    'catalog',
    'memory',
    'audit',
    'reserve',
  ]);
  expect(found.kinds.reduce((sum, {files}) => sum + files, 0)).toBe(found.files);
  const {counts} = found;
  expect(counts).toMatchObject({stores: 1, snapshots: 0, rows: 4_060, trashRows: 60, series: 60});
  expect(counts.replicas).toBeGreaterThanOrEqual(5);
});

interface Sampled {
  readonly file: RegExp;
  /** Why bytes may change there unseen; absent: none may. */
  readonly why?: string;
  readonly base?: string;
}

const SAMPLED: Readonly<Record<string, Sampled>> = {
  identity: {file: /^(node\.json|boot-epoch|lives\.json)$/},
  holder: {file: /^lock-holder$/, why: 'a pid for a message'},
  door: {file: /^door\.json$/, why: 'no checksum; written anew at each start'},
  memory: {file: /^(store-records|catalog-cache)\.json$/},
  audit: {file: /^audit\//, why: 'no checksum; lines for people'},
  log: {file: /\/log\/segment-/},
  'log end': {file: /\/log\/end$/},
  manifest: {file: /manifest\.sqlite$/, why: 'pages and counters of SQLite that hold no row'},
  journal: {file: /manifest\.sqlite-journal$/, why: 'ended by its last commit'},
  part: {file: /\.part$/},
  keys: {file: /\.keys$/},
  catalog: {file: /\/replicas\/0-\d+\//},
  snapshot: {file: /\/staging\//, base: recovered},
  reserve: {file: /ballast$/, why: 'space for a full disk'},
};
const FLIPS_A_KIND = process.env['FLOTILLA_LONGER'] === '1' ? 500 : 25;

test('every file is of one of these kinds', () => {
  for (const file of filesOf().filter((name) => name !== 'lock'))
    expect([file, Object.values(SAMPLED).filter((kind) => kind.file.test(file)).length]).toEqual([
      file,
      1,
    ]);
});

function rowsNow() {
  const {rows} = readManifestCopy(full(`${STORE}/manifest.sqlite`));
  return [...verifyRows(rows).values].map(([key, value]) => [
    key,
    Buffer.from(value).toString('hex'),
  ]);
}

test.each(Object.entries(SAMPLED))(
  'of %s any byte that changes is named, or is one that nothing reads',
  async (kind, {file: pattern, why, base = directory}) => {
    const random = new SeededRandom(20_261_122);
    const files = filesOf(base).filter((name) => pattern.test(name));
    expect(files.length).toBeGreaterThan(0);
    const rows = rowsNow();
    let unseen = 0;
    for (let i = 0; i < FLIPS_A_KIND; i++) {
      const file = files[random.below(files.length)]!;
      const {size} = fs.statSync(path.join(base, file));
      // The first and the last byte of a file, too.
      const offset = [0, size - 1][i] ?? random.below(size);
      const place = `${file} at ${offset}`;
      let rowsThen = rows;
      const change = () => {
        flip(path.join(base, file), offset, random.below(8));
        if (kind === 'manifest') rowsThen = rowsNow();
      };
      const found = await whileChanged(file, change, base);
      expect(found.unreadable, place).toEqual([]);
      if (found.damageCount > 0) {
        expect(found.verdict).toBe('damaged');
        const named = found.damages.find((damage) => damage.file === file);
        expect(named, place).toBeDefined();
        expect(named!.next).toMatch(/^\.\/flotilla /);
        if (/\.(part|keys)$/.test(file)) {
          const [, set, replica] = /\/(\d+)-(\d+)\/[^/]+$/.exec(file)!;
          expect(named).toMatchObject({set: Number(set), replica: Number(replica)});
          expect(named!.offset, place).toBeLessThan(size);
        }
        continue;
      }
      unseen += 1;
      expect(why, `${place} changed unseen`).toBeDefined();
      expect(rowsThen, place).toEqual(rows);
    }
    if (why === undefined) expect(unseen).toBe(0);
    expect((await checkDirectory({directory: base})).verdict).toBe('whole');
  },
  // A flip of identity or audit takes up to 0.3 s on a busy machine.
  120_000 + FLIPS_A_KIND * 1_000,
);

test('a log that is damaged concerns all replicas of its store, and names those it tells of', async () => {
  const [segment = ''] = filesOf().filter((file) => file.includes('/log/segment-'));
  const {damages, notes} = await whileChanged(segment, () => flip(full(segment), 100, 0));
  expect(damages).toMatchObject([
    {about: 'log', store: 0, file: segment, offset: expect.any(Number)},
  ]);
  expect(damages[0]!.means).toContain('no replica of store 0 votes again');
  expect(notes).toEqual([
    expect.stringMatching(/of store 0 that its log still tells of: \d+ of set/),
  ]);
});

test('what is missing is named, and so is a file that is none of a node', async () => {
  for (const [name, message] of [
    ['node.json', 'it is missing'],
    ['boot-epoch', 'it is missing'],
    [filesOf().find((file) => file.endsWith('.part'))!, 'it is missing'],
    [`${STORE}/manifest.sqlite`, 'it is missing'],
  ] as const) {
    const {damages} = await whileChanged(name, () => fs.rmSync(full(name)));
    expect(damages).toContainEqual(expect.objectContaining({file: name, message}));
  }
  const log = full(`${STORE}/log`);
  fs.renameSync(log, path.join(root, 'log'));
  expect((await look()).damages).toMatchObject([
    {about: 'log', store: 0, file: `${STORE}/log`, message: 'it has no segment'},
  ]);
  fs.renameSync(path.join(root, 'log'), log);
  fs.writeFileSync(full('notes.txt'), 'mine');
  fs.writeFileSync(full(`${STORE}/replicas/9-9`), 'no directory');
  fs.writeFileSync(full('.node.json.tmp'), '{');
  const {verdict, notes, kinds} = await look();
  expect([verdict, notes]).toEqual([
    'whole',
    [`not of a node are 2: notes.txt, ${STORE}/replicas/9-9`],
  ]);
  expect(kinds).toContainEqual({kind: 'leftover', files: 1, bytes: 1, isVerified: false});
  for (const name of ['notes.txt', `${STORE}/replicas/9-9`, '.node.json.tmp'])
    fs.rmSync(full(name));
});

test('pages that no row lies in count too: the next commit would use them', async () => {
  const manifest = `${STORE}/manifest.sqlite`;
  // How many free pages there are, in the header of the file.
  const change = () => flip(full(manifest), 39, 3);
  const {damages} = await whileChanged(manifest, change);
  expect(damages).toMatchObject([
    {about: 'manifest', store: 0, file: manifest, message: expect.stringContaining('SQLite says')},
  ]);
});

test('a manifest without the rows of replicas that the log knows is damage, though each row verifies', async () => {
  const manifest = `${STORE}/manifest.sqlite`;
  const {damages} = await whileChanged(manifest, () => fs.writeFileSync(full(manifest), ''));
  expect(damages[0]).toMatchObject({about: 'replica', file: manifest});
  expect(damages[0]!.message).toMatch(/the manifest has no row birth\//);
});

test('a snapshot that the log names is looked at, and what it replaces no more', async () => {
  const found = await checkDirectory({directory: recovered});
  expect(found).toMatchObject({verdict: 'whole', counts: {snapshots: 1}});
  const [staged = ''] = filesOf(recovered).filter((file) => file.includes('/staging/'));
  const remove = () => fs.rmSync(path.join(recovered, staged));
  expect((await whileChanged(staged, remove, recovered)).damages).toMatchObject([
    {about: 'snapshot', set: 0, file: staged, message: 'it is missing'},
  ]);
  const old = filesOf(recovered).find((file) => /\/replicas\/0-\d+\//.test(file))!;
  const change = () => flip(path.join(recovered, old), 70, 1);
  expect((await whileChanged(old, change, recovered)).verdict).toBe('whole');
});

test('a directory that a node has is refused, and no node takes one that is looked at', async () => {
  const held = await openNodeDirectory({path: directory, stores: 1});
  await expect(look()).rejects.toThrow(new RegExp(`\\(pid ${process.pid}\\); stop it first`));
  held.close();
  let opening: Promise<unknown> | undefined;
  const found = await checkDirectory({
    directory,
    onProgress: () => {
      opening ??= openNodeDirectory({path: directory, stores: 1}).catch(String);
    },
  });
  expect(await opening).toMatch(/another process has the data directory/);
  expect(found.verdict).toBe('whole');
  expect((await look()).verdict).toBe('whole');
});

test.runIf(process.platform === 'linux')(
  'a file that the disk does not give is no damage, and the others are looked at all the same',
  async () => {
    const [kept, file] = [path.join(root, 'lives.json'), full('lives.json')];
    fs.renameSync(file, kept);
    // Its first byte is of no memory: every read of it is an EIO.
    fs.symlinkSync('/proc/self/mem', file);
    const found = await look();
    const part = filesOf().find((name) => name.endsWith('.part'))!;
    const both = await whileChanged(part, () => flip(full(part), 20, 1));
    fs.rmSync(file);
    fs.renameSync(kept, file);
    expect(found).toMatchObject({verdict: 'unreadable', damages: []});
    expect(found.unreadable).toMatchObject([
      {file: 'lives.json', message: expect.stringContaining('EIO')},
    ]);
    expect(both).toMatchObject({verdict: 'damaged', unreadable: [{}], damages: [{file: part}]});
  },
);

test('what is no data directory is said to be none', async () => {
  await expect(checkDirectory({directory: path.join(root, 'none')})).rejects.toThrow(
    'no data directory of a node',
  );
});
