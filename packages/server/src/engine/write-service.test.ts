import zlib from 'node:zlib';
import {type ColumnId, LIMITS, type SeriesId} from '@flotilla/base';
import {ColumnWriter} from '@flotilla/ingest';
import type {WriteOutcome, WriteRequest, WriteRouter} from '@flotilla/router';
import {expect, test} from 'vitest';
import {NodeClock} from '../adapters/index.ts';
import type {CatalogAccess} from './catalog-access.ts';
import type {HttpAnswer, WriteCall} from './gateway.ts';
import {Parsers} from './parsers.ts';
import {WorkTurns} from './work-turns.ts';
import {WriteMemory} from './write-memory.ts';
import {WriteService} from './write-service.ts';

const KIB = 1024;
const WRITTEN: WriteOutcome = {writtenRows: 1, rejectedLines: 0, lines: [], sets: []};
const DATABASE = {id: 1};

/** A service whose router answers when it is told. */
function serviceWith(memoryBytes: number | undefined = 256 * KIB) {
  const clock = new NodeClock();
  const routed: {request: WriteRequest; finish: (outcome: WriteOutcome) => void}[] = [];
  const router = {
    write: (request: WriteRequest) =>
      new Promise<WriteOutcome>((finish) => routed.push({request, finish})),
  } as unknown as WriteRouter;
  const catalog = {tenantByName: () => ({id: 1}), databaseByName: () => DATABASE};
  const access = {catalog, refresh: async () => undefined} as unknown as CatalogAccess;
  const memory = new WriteMemory(memoryBytes);
  const turns = new WorkTurns(clock);
  return {
    service: new WriteService({access, router, clock, turns, parsers: new Parsers(), memory}),
    clock,
    routed,
    memory,
  };
}

function call(body: Uint8Array, encoding = ''): WriteCall {
  const names = {tenant: 'default', database: 'public', precision: 'ns'};
  return {...names, encoding, acceptPartial: true, waitedMs: 0, body};
}

function codeOf({body}: HttpAnswer): string {
  return JSON.parse(Buffer.from(body!).toString()).code;
}

test('the deadline counts from when the node had the request', async () => {
  const {service, clock, routed} = serviceWith();
  const begunMs = clock.monotonicMs();
  const deadlineMs = begunMs + LIMITS.write_deadline_ms.value;
  void service.write(call(Buffer.from('m f=1')), begunMs);
  await expect.poll(() => routed.length).toBe(1);
  expect(routed[0]!.request.deadlineMs).toBe(deadlineMs);
  const late = await service.write(call(Buffer.from('m f=1')), begunMs - 4_000);
  expect(late.status).toBe(429);
  expect(routed.length).toBe(1);
});

test('small bodies that inflate to large ones are refused beside each other, and let in one by one', async () => {
  const {service, clock, routed} = serviceWith();
  const line = `m f=1,s="${'x'.repeat(990)}" 1\n`;
  const body = zlib.gzipSync(Buffer.from(line.repeat(48)));
  expect(body.length).toBeLessThan(KIB);
  const answers: Promise<HttpAnswer>[] = [];
  for (let i = 0; i < 8; i++) answers.push(service.write(call(body, 'gzip'), clock.monotonicMs()));
  await expect.poll(() => routed.length).toBeGreaterThan(0);
  const refused = await answers.at(-1)!;
  expect(routed.length).toBeLessThanOrEqual(5);
  expect(refused?.status).toBe(429);
  expect(codeOf(refused!)).toBe('OVERLOADED');
  for (const {finish} of routed) finish(WRITTEN);
  expect((await answers[0]!).status).toBe(204);
  const before = routed.length;
  const again = service.write(call(body, 'gzip'), clock.monotonicMs());
  await expect.poll(() => routed.length).toBe(before + 1);
  routed.at(-1)!.finish(WRITTEN);
  expect((await again).status).toBe(204);
});

/** A row a second, as a restore sends them. */
async function columns(rowCount: number): Promise<Uint8Array> {
  const field = {name: 'v', type: 'float'} as const;
  const table = {name: 'cpu', tags: [{column: 1 as ColumnId, name: 'host'}], fields: [field]};
  const writer = new ColumnWriter(table, {startMs: 1_000, precision: 'ms'});
  const offsets = Float64Array.from({length: rowCount}, (_, row) => row * 1_000);
  const values = new Float64Array(rowCount).fill(1.5);
  const chunks = [
    {series: 1 as SeriesId, rowCount, offsets, columns: [{values: {...field, values}}]},
  ];
  const bodies = writer.read({
    next: async () => (chunks.length === 0 ? undefined : chunks.splice(0)),
    tagValue: () => 'a',
    seriesKey: () => new Uint8Array(0),
    close: () => undefined,
  });
  for await (const {body} of bodies) return body;
  throw new Error('no body');
}

test('columns are rows as lines are, and one that is refused is told by its series and time', async () => {
  const {service, clock, routed} = serviceWith();
  const written = service.write({...call(await columns(2)), form: 'columns'}, clock.monotonicMs());
  await expect.poll(() => routed.length).toBe(1);
  const {batch, lineText} = routed[0]!.request;
  expect(batch).toMatchObject({rowCount: 2, tables: [{table: 'cpu', rowCount: 2}]});
  expect([...batch.tables[0]!.timesMs]).toEqual([1_000, 2_000]);
  expect(lineText(2)).toBe('cpu,host=a .. 2000000000');
  routed[0]!.finish(WRITTEN);
  expect((await written).status).toBe(204);
});

test('a body that is not of columns is refused, and leaves nothing in memory', async () => {
  const {service, clock, routed, memory} = serviceWith();
  const body = {...call(Buffer.from('cpu v=1')), form: 'columns'} as const;
  const refused = await service.write(body, clock.monotonicMs());
  expect([refused.status, codeOf(refused)]).toEqual([400, 'INVALID_ARGUMENT']);
  expect([routed.length, memory.bytes]).toEqual([0, 0]);
});

test('a large body of columns is read in more than one turn', async () => {
  const {service, clock, routed} = serviceWith(64 * KIB * KIB);
  const body = await columns(90_000);
  void service.write({...call(body), form: 'columns'}, clock.monotonicMs());
  let turns = 0;
  for (; routed.length === 0; turns++) await new Promise((resolve) => setImmediate(resolve));
  expect(turns).toBeGreaterThan(1);
});

test.each([
  ['made where the node may', true, 204],
  ['refused where it may not', false, 404],
])('a database that is not there is %s', async (_what, mayCreate, status) => {
  const made: unknown[] = [];
  const catalog = {
    tenantByName: (name: string) => (name === 'default' ? {id: 1} : undefined),
    databaseByName: () => (made.length > 0 ? DATABASE : undefined),
  };
  const service = new WriteService({
    access: {catalog, refresh: async () => undefined} as unknown as CatalogAccess,
    router: {write: async () => WRITTEN} as unknown as WriteRouter,
    clock: new NodeClock(),
    turns: new WorkTurns(new NodeClock()),
    parsers: new Parsers(),
    memory: new WriteMemory(256 * KIB),
    createDatabase: mayCreate ? async (tenant, name) => void made.push({tenant, name}) : undefined,
  });
  const target = {tenant: 'an org', orDefaultTenant: true, database: 'd'};
  const write = {...call(Buffer.from('m f=1')), ...target};
  const answer = await service.write(write, new NodeClock().monotonicMs());
  expect(answer.status).toBe(status);
  expect(made).toEqual(mayCreate ? [{tenant: 'default', name: 'd'}] : []);
});

test('between one body and the next other work of the thread gets its turn', async () => {
  const {service, clock, routed} = serviceWith(64 * KIB * KIB);
  const line = `m f=1,s="${'x'.repeat(30)}" 1\n`;
  const body = Buffer.from(line.repeat(30_000));
  for (let i = 0; i < 3; i++) void service.write(call(body), clock.monotonicMs());
  const seen = new Set<number>();
  while (routed.length < 3) {
    await new Promise((resolve) => setImmediate(resolve));
    seen.add(routed.length);
  }
  expect(seen.size).toBeGreaterThan(1);
});

test('writes_in_flight_bytes_max: what does not fit beside the others is refused, and taken when they end', async () => {
  const {service, clock, routed, memory} = serviceWith(LIMITS.writes_in_flight_bytes_max.value);
  expect(new WriteMemory().bytesMax).toBe(LIMITS.writes_in_flight_bytes_max.value);
  const batch = {tables: [], rowCount: 0, badLines: [], badLineCount: 0};
  const body = Buffer.from('m f=1');
  const release = memory.hold(LIMITS.writes_in_flight_bytes_max.value - body.length + 1, batch);
  const refused = await service.write(call(body), clock.monotonicMs());
  expect(refused.status).toBe(429);
  expect(JSON.parse(Buffer.from(refused.body!).toString())).toMatchObject({
    code: 'OVERLOADED',
    details: {limit: 'writes_in_flight_bytes_max'},
  });
  expect(routed.length).toBe(0);
  release();
  memory.hold(LIMITS.writes_in_flight_bytes_max.value - body.length, batch);
  const taken = service.write(call(body), clock.monotonicMs());
  await expect.poll(() => routed.length).toBe(1);
  routed[0]!.finish(WRITTEN);
  expect((await taken).status).toBe(204);
});

test('one write alone may be over the limit, and holds off the others', () => {
  const memory = new WriteMemory(100);
  const batch = {tables: [], rowCount: 10, badLines: [], badLineCount: 0};
  memory.admit(1_000);
  const release = memory.hold(1_000, batch);
  expect(() => memory.admit(1)).toThrow(expect.objectContaining({code: 'OVERLOADED'}));
  expect(memory.bytes).toBeGreaterThan(1_000);
  release();
  expect(memory.bytes).toBe(0);
  memory.admit(1);
});
