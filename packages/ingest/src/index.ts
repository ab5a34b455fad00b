export {
  COLUMN_ROW_TEXT_BYTES_MAX,
  COLUMN_TEXT_BYTES_MAX,
  COLUMN_TIME_NS_MAX,
} from './columns/column-body.ts';
export {ColumnReader, rowTextOf} from './columns/column-reader.ts';
export {type ColumnBody, ColumnWriter} from './columns/column-writer.ts';
export {type RowChunk, type RowTable, RowWriter} from './columns/row-writer.ts';
export {
  DEFAULT_LIMITS,
  type LineProtocolLimits,
  type LineProtocolOptions,
  LineProtocolParser,
  type ParseOptions,
} from './line-protocol/line-protocol-parser.ts';
export {type Precision, parsePrecision} from './line-protocol/row-time.ts';
