// Admin tokens as /admin/v1 knows them. A token is made here and shown once; the catalog, and with it
// every node, keeps its hash.

import {randomBytes} from 'node:crypto';
import {type Clock, DbError} from '@flotilla/base';
import type {Token} from '@flotilla/catalog';
import type {MetaClient} from '@flotilla/meta';
import {hashOfToken} from '../doors/token-hash.ts';
import type {CatalogAccess} from './catalog-access.ts';
import type {AdminCall} from './gateway.ts';

/** 256 random bits; the first letters tell people and scanners of secrets what it is. */
const TOKEN_BYTES = 32;
const TOKEN_PREFIX = 'flt_';
/** What the cluster does by itself is recorded under these, and what nobody in particular does. */
const RESERVED = /^(?:reconciler|rebalance|operation .*|operator|anyone|stranger)$/;
/** Of the one that a node is started with. */
const FIRST_NAME = 'admin';

export interface AdminTokensDeps {
  readonly access: CatalogAccess;
  readonly meta: Pick<MetaClient, 'propose'>;
  readonly clock: Clock;
  /** Nothing is made: a token that is none is not shown. */
  readonly isTrial?: boolean | undefined;
}

type Change = (
  args: AdminCall['args'],
  deadlineMs: number,
  by: string | undefined,
) => Promise<unknown>;

/** Without the hashes. */
export function listTokens(tokens: Iterable<Token>): unknown {
  return [...tokens].map(({id, name, createdBy, createdAtMs}) => {
    return {id, name, createdBy, createdAt: new Date(createdAtMs).toISOString()};
  });
}

export function tokenChanges({
  access,
  meta,
  clock,
  isTrial,
}: AdminTokensDeps): Readonly<Record<string, Change>> {
  return {
    'token-create': async (args, deadlineMs, by = 'anyone') => {
      const name = String(args['name']);
      if (RESERVED.test(name)) {
        const message = `no token can be named "${name}": records of what the cluster itself does name it so`;
        throw new DbError('INVALID_ARGUMENT', message);
      }
      const token = `${TOKEN_PREFIX}${randomBytes(TOKEN_BYTES).toString('base64url')}`;
      const command = {
        type: 'create-token',
        name,
        hash: hashOfToken(token),
        createdBy: by,
      } as const;
      await meta.propose({...command, atMs: clock.wallMs()}, {deadlineMs});
      await access.refresh(deadlineMs);
      return isTrial === true ? {name} : {name, token};
    },
    'token-revoke': async (args, deadlineMs) => {
      const name = String(args['name']);
      await meta.propose({type: 'revoke-token', name}, {deadlineMs});
      await access.refresh(deadlineMs);
      return {revoked: name};
    },
    // Of the node itself: no route leads here.
    'token-first': async (args, deadlineMs) => {
      const command = {type: 'create-token', name: FIRST_NAME, onlyFirst: true} as const;
      const made = {hash: String(args['hash']), createdBy: '--admin-token-file'};
      const {created} = await meta.propose(
        {...command, ...made, atMs: clock.wallMs()},
        {deadlineMs},
      );
      await access.refresh(deadlineMs);
      return {created};
    },
  };
}
