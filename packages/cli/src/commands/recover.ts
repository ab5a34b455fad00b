// `recover plan|apply|meta|report`: what to do when a majority is lost for good. Nothing of it happens by itself,
// and each step says first what it may cost.

import fs from 'node:fs';
import {type RecoveredSet, type RecoveryOutcome, RecoveryPlan} from '@flotilla/client';
import type {Command} from 'commander';
import {z} from 'zod';
import {ProgressBar} from '../progress-bar.ts';
import {untilLed} from '../recovery-watch.ts';
import {type CommandContext, examples, type Session} from '../session.ts';
import {renderRecords} from '../table.ts';
import {EXIT, UsageError} from '../terminal.ts';
import {addRecoverMeta, addRecoverReport} from './recover-meta.ts';

const PLAN_FILE = 'recovery-plan.json';
const COLUMNS = ['set', 'database', 'start', 'shard', 'action', 'node', 'lastTerm', 'lastIndex'];
/** In one request: a set costs a command of the meta group. */
const SETS_AT_ONCE = 200;

export function addRecoverCommands(program: Command, context: CommandContext): void {
  const group = program
    .command('recover')
    .description('continue with what is left after a majority of replicas is lost for good');
  addPlan(group, context);
  addApply(group, context);
  addRecoverMeta(group, context);
  addRecoverReport(group, context);
}

function addPlan(group: Command, context: CommandContext): void {
  const command = group
    .command('plan')
    .option('--output <file>', `where the plan goes (default ${PLAN_FILE})`)
    .description('ask the remaining nodes what they hold, and write a plan of what can be done')
    .addHelpText('after', examples(['recover plan', 'recover plan --output plan.json --json']));
  const schema = z.object({output: z.string().default(PLAN_FILE)});
  context.client(command, schema, async (session, {output}) => {
    const plan = await session.client.admin.recoveryPlan();
    const isNeeded = plan.sets.length > 0;
    if (isNeeded) fs.writeFileSync(output, `${JSON.stringify(plan, undefined, 2)}\n`);
    await session.print(plan, () => describePlan(plan, session, isNeeded ? output : undefined));
    return EXIT.ok;
  });
}

function describePlan(plan: RecoveryPlan, session: Session, file: string | undefined): string {
  const {lost, sets, setsKept, metaLeader} = plan;
  const lines: string[] = [];
  if (lost.length > 0) lines.push(`no answer from ${nodesText(plan)}`);
  if (metaLeader === undefined)
    lines.push('the meta group has no leader: before this plan, ./flotilla recover meta');
  if (file === undefined) {
    lines.push(`all ${setsKept} replica sets have a majority: there is nothing to recover`);
    return `${lines.join('\n')}\n`;
  }
  const what = lost.length > 0 ? 'their majority' : 'the last copy of their rows';
  lines.push(`${sets.length} replica sets have lost ${what}, ${setsKept} have it`, '');
  const losses = sets.map(({set, loses}) => `set ${set} may lose ${loses}\n`).join('');
  const next = session.commandLine(`recover apply ${file}`);
  const end = lost.length > 0 ? `If ${nodesText(plan)} never come back` : 'To go on without them';
  const tail = `\n${losses}\nThe plan is in ${file}; take out what should wait. ${end}: ${next} --yes\n`;
  return `${lines.join('\n')}\n${renderRecords(sets, COLUMNS, session.style)}${tail}`;
}

function nodesText({lost}: RecoveryPlan): string {
  return `node ${lost.map(({node}) => node).join(', ')}`;
}

function addApply(group: Command, context: CommandContext): void {
  const command = group
    .command('apply')
    .argument('<plan>', 'file written by `recover plan`')
    .option('--yes', 'confirm: the nodes that gave no answer to the plan are lost for good')
    .option('--no-wait', 'return when everything is ordered, before each set has a leader again')
    .description(
      'declare nodes lost, so that the rest of their replica sets can continue. If it is interrupted, run it again. Refused while one of the lost nodes answers',
    )
    .addHelpText(
      'after',
      examples(['recover apply recovery-plan.json --yes', 'recover apply plan.json --dry-run']),
    );
  const schema = z.object({yes: z.boolean().default(false), wait: z.boolean().default(true)});
  context.change(command, schema, async (session, {yes, wait}, file = '') => {
    const plan = readPlan(file);
    if (!yes && !session.isDryRun) {
      const nodes = `${nodesText(plan)} would be declared lost, and what the plan says may be lost with them; they are let in no more, even if they come back`;
      const what = plan.lost.length > 0 ? nodes : 'what the plan says would be lost';
      throw new UsageError(`${what}; say --yes if that is meant`);
    }
    const outcome = await applyPlan(session, plan);
    const {recovered, skipped} = outcome;
    const sets = recovered.map(({set}) => set);
    const unled = wait && !session.isDryRun ? await untilLed(session, sets) : [];
    const reasons = skipped.map(({set, why}) => `set ${set} was left alone: ${why}\n`).join('');
    const slow = unled.length === 0 ? '' : `without a leader yet: ${unled.join(', ')}\n`;
    const watch = `replicas are made again as nodes join: ${session.commandLine('status')}\n`;
    const declared = plan.lost.length > 0 ? `declared ${nodesText(plan)} lost, ` : '';
    const what = `${declared}recovered ${recovered.length} replica sets`;
    await session.done(what, {...outcome, unled}, `${reasons}${slow}${watch}`);
    return skipped.length + unled.length === 0 ? EXIT.ok : EXIT.failed;
  });
}

function readPlan(file: string): RecoveryPlan {
  let text: string;
  try {
    text = fs.readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`<plan>: cannot read ${file}: ${(error as Error).message}`);
  }
  try {
    return RecoveryPlan.parse(JSON.parse(text));
  } catch {
    throw new UsageError(`<plan>: ${file} is no plan of \`recover plan\``);
  }
}

/** What was done in part is done by the same call again: sets that are recovered stay as they are. */
async function applyPlan(session: Session, plan: RecoveryPlan) {
  const sets = plan.sets.flatMap(
    ({set, epoch, action, node, replica, lastIndex}): RecoveredSet[] =>
      node === undefined || action === 'none' ? [] : [{set, epoch, node, replica, lastIndex}],
  );
  const lost = plan.lost.map(({node}) => node);
  const recovered: RecoveryOutcome['recovered'] = [];
  const skipped: RecoveryOutcome['skipped'] = [];
  const bar = new ProgressBar(session.terminal.stderr);
  try {
    for (let at = 0; at === 0 || at < sets.length; at += SETS_AT_ONCE) {
      bar.update(at / sets.length, `${at} of ${sets.length} replica sets are told to go on`);
      const order = {cluster: plan.cluster, lost, sets: sets.slice(at, at + SETS_AT_ONCE)};
      const outcome = await session.client.admin.applyRecovery(order, session.change);
      recovered.push(...outcome.recovered);
      skipped.push(...outcome.skipped);
    }
  } finally {
    bar.clear();
  }
  return {lost, recovered, skipped};
}
