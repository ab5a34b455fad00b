// Failures in the words of InfluxDB 2: `{"code": "..", "message": ".."}`, and the code once more as a
// header. Its clients know what to do by the status.

import {counted} from '../../../engine/counted.ts';
import type {ErrorAnswer} from '../../error-answer.ts';
import {type InfluxAnswer, JSON_TYPE, writeDetails} from './answer.ts';

/** What has no code there is one of the caller's mistakes, or of ours. */
const CODES: Readonly<Record<number, string>> = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not found',
  405: 'method not allowed',
  409: 'conflict',
  413: 'request too large',
  429: 'too many requests',
  503: 'unavailable',
  504: 'unavailable',
};
const DISK_FULL_STATUS = 507;
const UNAVAILABLE_STATUS = 503;

export function wordingV2(error: ErrorAnswer): InfluxAnswer {
  // Its JavaScript client gives a batch up at 507, which is not for ever.
  const isFull = error.status === DISK_FULL_STATUS;
  const status = isFull ? UNAVAILABLE_STATUS : error.status;
  const code = CODES[status] ?? (status < 500 ? 'invalid' : 'internal error');
  return {
    status,
    headers: {
      ...error.headers,
      ...(isFull ? {'retry-after': '1'} : {}),
      ...JSON_TYPE,
      'x-platform-error-code': code,
    },
    body: `${JSON.stringify({code, ...wordsOf(error)})}\n`,
  };
}

interface Words {
  readonly message: string;
  /** The first bad one. */
  readonly line?: number | undefined;
}

function wordsOf(error: ErrorAnswer): Words {
  if (error.body.code !== 'LINES_REJECTED') return {message: error.body.message};
  const {written, rejected, lines} = writeDetails(error);
  const listed = lines.map(({line, reason, text}) => `line ${line}: ${reason}: '${text}'`);
  const more = rejected > lines.length ? [`and ${rejected - lines.length} more lines`] : [];
  const head = `${counted(rejected, 'line')} rejected, ${counted(written, 'row')} written`;
  return {message: [head, ...listed, ...more].join('; '), line: lines[0]?.line};
}
