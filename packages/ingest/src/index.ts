export {
  DEFAULT_LIMITS,
  type LineProtocolLimits,
  type LineProtocolOptions,
  LineProtocolParser,
  type ParseOptions,
} from './line-protocol/line-protocol-parser.ts';
export {type Lines, LineWriter} from './line-protocol/line-writer.ts';
export {type Precision, parsePrecision} from './line-protocol/row-time.ts';
