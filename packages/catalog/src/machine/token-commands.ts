// Admin tokens, of which only hashes are known here. Once there is one there always is: a cluster whose
// last token went would be open to whoever reaches it.

import {LIMITS, type TokenId} from '@flotilla/base';
import type {CreateToken, RevokeToken} from '../commands.ts';
import {type Handler, NOTHING, refuse, succeed} from './draft.ts';
import {entityNameFault, isEntityName} from './names.ts';

export const createToken: Handler<CreateToken> = (draft, command) => {
  const {name, hash, createdBy, atMs} = command;
  const tokens = [...draft.catalog.tokens()];
  // Each node of the cluster may have been given the first one.
  if (command.onlyFirst === true && tokens.length > 0) return succeed({created: false});
  if (!isEntityName(name)) return refuse('INVALID_ARGUMENT', entityNameFault(name, 'token'));
  if (tokens.some((token) => token.name === name)) {
    return refuse(
      'ALREADY_EXISTS',
      `token ${name} exists: revoke it first, or choose another name`,
    );
  }
  if (tokens.some((token) => token.hash === hash)) {
    return refuse('ALREADY_EXISTS', 'this very token exists under another name');
  }
  const max = LIMITS.tokens_max.value;
  if (tokens.length >= max) {
    return refuse('CONFLICT', `the cluster holds as many tokens as it may (tokens_max: ${max})`);
  }
  const id = draft.nextId<TokenId>('token');
  draft.put('token', id, {id, name, hash, createdBy, createdAtMs: atMs});
  return succeed({created: true});
};

export const revokeToken: Handler<RevokeToken> = (draft, command) => {
  const tokens = [...draft.catalog.tokens()];
  const token = tokens.find(({name}) => name === command.name);
  if (token === undefined) return refuse('NOT_FOUND', `no token ${command.name}`);
  if (tokens.length === 1) {
    return refuse(
      'CONFLICT',
      `${command.name} is the last token, without which nobody is asked for one: create another first`,
    );
  }
  draft.remove('token', token.id);
  return succeed(NOTHING);
};
