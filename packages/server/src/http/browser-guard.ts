// What a page in somebody's browser may make of a node that asks for no token, as one on loopback does:
// nothing. A browser sends what any page tells it to, to any address that it reaches, and needs no answer
// to do harm by it. It says though where the page comes from: in `Origin` with each POST, in
// `Sec-Fetch-Site` with what goes to this machine. A page may also come from a name of its own that leads
// here (DNS rebinding), and then seems to be ours: so a name counts only if it is one that nobody else can
// give away: an address, `localhost`, or what the node itself was told to be called.
//
// A request with a token is let through: no browser adds one by itself.

import {isIP} from 'node:net';
import {DbError} from '@flotilla/base';
import type {FastifyInstance, FastifyRequest} from 'fastify';
import type {Doors} from '../doors/audit.ts';

export interface BrowserGuardOptions {
  readonly callerOf: Doors['callerOf'];
  /** Hosts by which the node is reached, beside addresses and `localhost`. */
  readonly ownHosts: readonly string[];
  /** It listens on loopback: whoever names it otherwise was led here. */
  readonly isOnLoopback: boolean;
}

const READING: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);
/** Reads and changes by the same method. */
const CHANGES_BY_GET = '/query';
const ADMIN = '/admin/v1';

const WHAT_TO_DO =
  'send it from no browser, or with a token of the cluster (Authorization: Bearer <token>)';

export function guardAgainstPages(app: FastifyInstance, options: BrowserGuardOptions): void {
  app.addHook('onRequest', (request, _reply, done) => {
    const fault = isAdministrator(request, options) ? undefined : faultOf(request, options);
    done(fault === undefined ? undefined : new DbError('FORBIDDEN', `${fault}: ${WHAT_TO_DO}`));
  });
}

function isAdministrator({headers}: FastifyRequest, {callerOf}: BrowserGuardOptions): boolean {
  const {authorization} = headers;
  return authorization !== undefined && callerOf(authorization).type === 'administrator';
}

/** Undefined: no page sent it, or one of the node itself, or it changes nothing. */
function faultOf(request: FastifyRequest, options: BrowserGuardOptions): string | undefined {
  const {method, headers, url} = request;
  if (options.isOnLoopback && url.startsWith(ADMIN) && !isOwn(hereOf(request), options))
    return `this node listens on loopback and is asked as ${headers.host}`;
  if (READING.has(method) && url.split('?')[0] !== CHANGES_BY_GET) return undefined;
  const {origin} = headers;
  if (origin !== undefined) {
    const here = hereOf(request);
    const isOurs = isOwn(here, options) && placeOf(origin)?.origin === here?.origin;
    return isOurs ? undefined : `a page of ${origin} sent this`;
  }
  const site = headers['sec-fetch-site'];
  const isForeign = site === 'cross-site' || site === 'same-site';
  return isForeign ? 'a page of another site sent this' : undefined;
}

function hereOf({protocol, headers}: FastifyRequest): URL | undefined {
  return placeOf(`${protocol}://${headers.host}`);
}

/** `null` of a page that has no place, and all that is none. */
function placeOf(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

function isOwn(place: URL | undefined, {ownHosts}: BrowserGuardOptions): boolean {
  if (place === undefined) return false;
  const host = place.hostname.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  return isIP(host) !== 0 || host === 'localhost' || ownHosts.includes(host);
}
