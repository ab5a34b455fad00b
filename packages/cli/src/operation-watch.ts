// Follows an operation to its end. The operation belongs to the cluster, not to this process: Ctrl-C
// only stops looking, and says how to look again.

import {setTimeout as sleep} from 'node:timers/promises';
import {isFinal, type Operation} from '@flotilla/client';
import type {Command} from 'commander';
import {Lookout, mayPass} from './lookout.ts';
import {operationLine} from './operation-text.ts';
import {ProgressBar} from './progress-bar.ts';
import type {Session} from './session.ts';
import {EXIT, writeOut} from './terminal.ts';

/** Twice a second: a move takes seconds to minutes. */
const POLL_MS = 500;

/** To its end, or, without waiting, only so far as to say how it is watched. */
export async function followOperation(
  session: Session,
  operation: Operation,
  waits: boolean,
): Promise<number> {
  if (session.isDryRun) return tellPlan(session, operation);
  if (waits) return watchOperation(session, operation);
  await session.print(
    operation,
    () =>
      `operation ${operation.id} has begun\n` +
      `  watch it: ${session.commandLine(`operation watch ${operation.id}`)}\n`,
  );
  return EXIT.ok;
}

/** What an order would begin: the cluster has found nothing that speaks against it. */
async function tellPlan(session: Session, operation: Operation): Promise<number> {
  const {id: _, ...plan} = operation;
  const subject = Object.entries(plan)
    .filter(([name, value]) => SUBJECTS.has(name) && value !== undefined && value !== null)
    .map(([name, value]) => `${name} ${String(value)}`);
  await session.print(
    {dryRun: true, operation: plan},
    () => `would begin: ${[operation.kind, ...subject].join(', ')}\n`,
  );
  return EXIT.ok;
}

/** What an operation is about. */
const SUBJECTS: ReadonlySet<string> = new Set([
  'replicaSet',
  'source',
  'sourceNode',
  'target',
  'targetNode',
]);

/** --wait is what happens anyhow; a script may want to say so. */
export function withWait(command: Command): Command {
  return command
    .option('--wait', 'wait until the operation has ended (the default)')
    .option('--no-wait', 'return as soon as the operation is accepted');
}

/** @param wanted the state that is a success: else the exit code says so */
export async function watchOperation(
  session: Session,
  first: Operation,
  wanted = 'done',
): Promise<number> {
  const {terminal} = session;
  const aborter = new AbortController();
  const stopListening = terminal.onInterrupt(() => aborter.abort());
  const bar = new ProgressBar(terminal.stderr);
  try {
    const last = await follow(session, {first, bar, signal: aborter.signal});
    bar.clear();
    await session.print(last, () => `${operationLine(last, Date.now())}\n`);
    return last.state === wanted ? EXIT.ok : EXIT.failed;
  } catch (error) {
    bar.clear();
    const isLeft = aborter.signal.aborted;
    if (!isLeft && !mayPass(error)) throw error;
    await writeOut(
      terminal.stderr,
      `operation ${first.id} goes on; watch it with: ` +
        `${session.commandLine(`operation watch ${first.id}`)}\n`,
    );
    if (!isLeft) throw error;
    return EXIT.interrupted;
  } finally {
    stopListening();
  }
}

async function follow(
  session: Session,
  watch: {first: Operation; bar: ProgressBar; signal: AbortSignal},
): Promise<Operation> {
  const {bar, signal} = watch;
  const lookout = new Lookout(session, {signal, bar});
  let operation = watch.first;
  let shown: string | undefined;
  try {
    while (!isFinal(operation)) {
      const {id, percent} = operation;
      const line = operationLine(operation, Date.now());
      bar.update(typeof percent === 'number' ? percent / 100 : undefined, line);
      // What was copied changes all the time: in a file the steps are enough, and what they wait for.
      const said = `${operation.step} ${operation.waitingFor ?? ''}`;
      if (session.terminal.stderr.isTTY !== true && said !== shown) {
        await writeOut(session.terminal.stderr, `${line}\n`);
        shown = said;
      }
      await sleep(POLL_MS, undefined, {signal});
      operation = await lookout.ask(({admin}, options) => admin.operation(id, options));
    }
  } finally {
    lookout.close();
  }
  return operation;
}
