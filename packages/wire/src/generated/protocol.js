/*eslint-disable block-scoped-var, id-length, no-control-regex, no-magic-numbers, no-mixed-operators, no-prototype-builtins, no-redeclare, no-shadow, no-var, sort-vars, default-case, jsdoc/require-param*/
import $protobuf from "protobufjs/minimal.js";

// Common aliases
const $Reader = $protobuf.Reader, $Writer = $protobuf.Writer, $util = $protobuf.util;
const $Object = $util.global.Object, $undefined = $util.global.undefined, $Error = $util.global.Error, $RangeError = $util.global.RangeError;

// Exported root namespace
const $root = $protobuf.roots["default"] || ($protobuf.roots["default"] = {});

export const flotilla = $root.flotilla = (() => {

    /**
     * Namespace flotilla.
     * @exports flotilla
     * @namespace
     */
    const flotilla = {};

    flotilla.ThreadBeat = (function() {

        /**
         * Properties of a ThreadBeat.
         * @typedef {Object} flotilla.ThreadBeat.$Properties
         * @property {number|null} [turnAgeMs] ThreadBeat turnAgeMs
         * @property {number|null} [writeAgeMs] ThreadBeat writeAgeMs
         * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
         */

        /**
         * Properties of a ThreadBeat.
         * @memberof flotilla
         * @interface IThreadBeat
         * @augments flotilla.ThreadBeat.$Properties
         * @deprecated Use flotilla.ThreadBeat.$Properties instead.
         */

        /**
         * Shape of a ThreadBeat.
         * @typedef {flotilla.ThreadBeat.$Properties} flotilla.ThreadBeat.$Shape
         */

        /**
         * Constructs a new ThreadBeat.
         * @memberof flotilla
         * @classdesc Represents a ThreadBeat.
         * @constructor
         * @param {flotilla.ThreadBeat.$Properties=} [properties] Properties to set
         * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
         */
        const ThreadBeat = function (properties) {
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        /**
         * ThreadBeat turnAgeMs.
         * @member {number} turnAgeMs
         * @memberof flotilla.ThreadBeat
         * @instance
         */
        ThreadBeat.prototype.turnAgeMs = 0;

        /**
         * ThreadBeat writeAgeMs.
         * @member {number} writeAgeMs
         * @memberof flotilla.ThreadBeat
         * @instance
         */
        ThreadBeat.prototype.writeAgeMs = 0;

        /**
         * Encodes the specified ThreadBeat message. Does not implicitly {@link flotilla.ThreadBeat.verify|verify} messages.
         * @function encode
         * @memberof flotilla.ThreadBeat
         * @static
         * @param {flotilla.ThreadBeat.$Properties} message ThreadBeat message or plain object to encode
         * @param {$protobuf.Writer} [writer] Writer to encode to
         * @returns {$protobuf.Writer} Writer
         */
        ThreadBeat.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.turnAgeMs != null && $Object.hasOwnProperty.call(message, "turnAgeMs") && message.turnAgeMs !== 0)
                writer.uint32(/* id 1, wireType 0 =*/8).uint32(message.turnAgeMs);
            if (message.writeAgeMs != null && $Object.hasOwnProperty.call(message, "writeAgeMs") && message.writeAgeMs !== 0)
                writer.uint32(/* id 2, wireType 0 =*/16).uint32(message.writeAgeMs);
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        /**
         * Decodes a ThreadBeat message from the specified reader or buffer.
         * @function decode
         * @memberof flotilla.ThreadBeat
         * @static
         * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
         * @param {number} [length] Message length if known beforehand
         * @returns {flotilla.ThreadBeat & flotilla.ThreadBeat.$Shape} ThreadBeat
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        ThreadBeat.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message, value;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.flotilla.ThreadBeat();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                let wireType = tag & 7;
                switch (tag >>>= 3) {
                case 1: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.uint32())
                            message.turnAgeMs = value;
                        else
                            delete message.turnAgeMs;
                        continue;
                    }
                case 2: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.uint32())
                            message.writeAgeMs = value;
                        else
                            delete message.writeAgeMs;
                        continue;
                    }
                }
                reader.skipType(wireType, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        /**
         * Gets the type url for ThreadBeat
         * @function getTypeUrl
         * @memberof flotilla.ThreadBeat
         * @static
         * @param {string} [prefix] Custom type url prefix, defaults to `"type.googleapis.com"`
         * @returns {string} The type url
         */
        ThreadBeat.getTypeUrl = function(prefix) {
            if (prefix === $undefined)
                prefix = "type.googleapis.com";
            return prefix + "/flotilla.ThreadBeat";
        };

        return ThreadBeat;
    })();

    flotilla.StoreBeat = (function() {

        /**
         * Properties of a StoreBeat.
         * @typedef {Object} flotilla.StoreBeat.$Properties
         * @property {number|null} [store] StoreBeat store
         * @property {number|null} [durableRecord] StoreBeat durableRecord
         * @property {boolean|null} [isFull] StoreBeat isFull
         * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
         */

        /**
         * Properties of a StoreBeat.
         * @memberof flotilla
         * @interface IStoreBeat
         * @augments flotilla.StoreBeat.$Properties
         * @deprecated Use flotilla.StoreBeat.$Properties instead.
         */

        /**
         * Shape of a StoreBeat.
         * @typedef {flotilla.StoreBeat.$Properties} flotilla.StoreBeat.$Shape
         */

        /**
         * Constructs a new StoreBeat.
         * @memberof flotilla
         * @classdesc Represents a StoreBeat.
         * @constructor
         * @param {flotilla.StoreBeat.$Properties=} [properties] Properties to set
         * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
         */
        const StoreBeat = function (properties) {
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        /**
         * StoreBeat store.
         * @member {number} store
         * @memberof flotilla.StoreBeat
         * @instance
         */
        StoreBeat.prototype.store = 0;

        /**
         * StoreBeat durableRecord.
         * @member {number} durableRecord
         * @memberof flotilla.StoreBeat
         * @instance
         */
        StoreBeat.prototype.durableRecord = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

        /**
         * StoreBeat isFull.
         * @member {boolean} isFull
         * @memberof flotilla.StoreBeat
         * @instance
         */
        StoreBeat.prototype.isFull = false;

        /**
         * Encodes the specified StoreBeat message. Does not implicitly {@link flotilla.StoreBeat.verify|verify} messages.
         * @function encode
         * @memberof flotilla.StoreBeat
         * @static
         * @param {flotilla.StoreBeat.$Properties} message StoreBeat message or plain object to encode
         * @param {$protobuf.Writer} [writer] Writer to encode to
         * @returns {$protobuf.Writer} Writer
         */
        StoreBeat.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.store != null && $Object.hasOwnProperty.call(message, "store") && message.store !== 0)
                writer.uint32(/* id 1, wireType 0 =*/8).uint32(message.store);
            if (message.durableRecord != null && $Object.hasOwnProperty.call(message, "durableRecord") && (typeof message.durableRecord === "object" ? message.durableRecord.low || message.durableRecord.high : message.durableRecord !== 0))
                writer.uint32(/* id 2, wireType 0 =*/16).uint64(message.durableRecord);
            if (message.isFull != null && $Object.hasOwnProperty.call(message, "isFull") && message.isFull !== false)
                writer.uint32(/* id 3, wireType 0 =*/24).bool(message.isFull);
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        /**
         * Decodes a StoreBeat message from the specified reader or buffer.
         * @function decode
         * @memberof flotilla.StoreBeat
         * @static
         * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
         * @param {number} [length] Message length if known beforehand
         * @returns {flotilla.StoreBeat & flotilla.StoreBeat.$Shape} StoreBeat
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        StoreBeat.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message, value;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.flotilla.StoreBeat();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                let wireType = tag & 7;
                switch (tag >>>= 3) {
                case 1: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.uint32())
                            message.store = value;
                        else
                            delete message.store;
                        continue;
                    }
                case 2: {
                        if (wireType !== 0)
                            break;
                        if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                            message.durableRecord = value;
                        else
                            delete message.durableRecord;
                        continue;
                    }
                case 3: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.bool())
                            message.isFull = value;
                        else
                            delete message.isFull;
                        continue;
                    }
                }
                reader.skipType(wireType, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        /**
         * Gets the type url for StoreBeat
         * @function getTypeUrl
         * @memberof flotilla.StoreBeat
         * @static
         * @param {string} [prefix] Custom type url prefix, defaults to `"type.googleapis.com"`
         * @returns {string} The type url
         */
        StoreBeat.getTypeUrl = function(prefix) {
            if (prefix === $undefined)
                prefix = "type.googleapis.com";
            return prefix + "/flotilla.StoreBeat";
        };

        return StoreBeat;
    })();

    flotilla.Beat = (function() {

        /**
         * Properties of a Beat.
         * @typedef {Object} flotilla.Beat.$Properties
         * @property {number|null} [bootEpoch] Beat bootEpoch
         * @property {number|null} [sequence] Beat sequence
         * @property {Array.<flotilla.ThreadBeat.$Properties>|null} [threads] Beat threads
         * @property {Array.<flotilla.StoreBeat.$Properties>|null} [stores] Beat stores
         * @property {number|null} [wallMs] Beat wallMs
         * @property {number|null} [silentMs] Beat silentMs
         * @property {number|null} [life] Beat life
         * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
         */

        /**
         * Properties of a Beat.
         * @memberof flotilla
         * @interface IBeat
         * @augments flotilla.Beat.$Properties
         * @deprecated Use flotilla.Beat.$Properties instead.
         */

        /**
         * Shape of a Beat.
         * @typedef {flotilla.Beat.$Properties} flotilla.Beat.$Shape
         */

        /**
         * Constructs a new Beat.
         * @memberof flotilla
         * @classdesc Represents a Beat.
         * @constructor
         * @param {flotilla.Beat.$Properties=} [properties] Properties to set
         * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
         */
        const Beat = function (properties) {
            this.threads = [];
            this.stores = [];
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        /**
         * Beat bootEpoch.
         * @member {number} bootEpoch
         * @memberof flotilla.Beat
         * @instance
         */
        Beat.prototype.bootEpoch = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

        /**
         * Beat sequence.
         * @member {number} sequence
         * @memberof flotilla.Beat
         * @instance
         */
        Beat.prototype.sequence = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

        /**
         * Beat threads.
         * @member {Array.<flotilla.ThreadBeat.$Properties>} threads
         * @memberof flotilla.Beat
         * @instance
         */
        Beat.prototype.threads = $util.emptyArray;

        /**
         * Beat stores.
         * @member {Array.<flotilla.StoreBeat.$Properties>} stores
         * @memberof flotilla.Beat
         * @instance
         */
        Beat.prototype.stores = $util.emptyArray;

        /**
         * Beat wallMs.
         * @member {number} wallMs
         * @memberof flotilla.Beat
         * @instance
         */
        Beat.prototype.wallMs = 0;

        /**
         * Beat silentMs.
         * @member {number} silentMs
         * @memberof flotilla.Beat
         * @instance
         */
        Beat.prototype.silentMs = 0;

        /**
         * Beat life.
         * @member {number} life
         * @memberof flotilla.Beat
         * @instance
         */
        Beat.prototype.life = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

        /**
         * Encodes the specified Beat message. Does not implicitly {@link flotilla.Beat.verify|verify} messages.
         * @function encode
         * @memberof flotilla.Beat
         * @static
         * @param {flotilla.Beat.$Properties} message Beat message or plain object to encode
         * @param {$protobuf.Writer} [writer] Writer to encode to
         * @returns {$protobuf.Writer} Writer
         */
        Beat.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.bootEpoch != null && $Object.hasOwnProperty.call(message, "bootEpoch") && (typeof message.bootEpoch === "object" ? message.bootEpoch.low || message.bootEpoch.high : message.bootEpoch !== 0))
                writer.uint32(/* id 1, wireType 0 =*/8).uint64(message.bootEpoch);
            if (message.sequence != null && $Object.hasOwnProperty.call(message, "sequence") && (typeof message.sequence === "object" ? message.sequence.low || message.sequence.high : message.sequence !== 0))
                writer.uint32(/* id 2, wireType 0 =*/16).uint64(message.sequence);
            if (message.threads != null && message.threads.length)
                for (let i = 0; i < message.threads.length; ++i)
                    $root.flotilla.ThreadBeat.encode(message.threads[i], writer.uint32(/* id 3, wireType 2 =*/26).fork(), _depth + 1).ldelim();
            if (message.stores != null && message.stores.length)
                for (let i = 0; i < message.stores.length; ++i)
                    $root.flotilla.StoreBeat.encode(message.stores[i], writer.uint32(/* id 4, wireType 2 =*/34).fork(), _depth + 1).ldelim();
            if (message.wallMs != null && $Object.hasOwnProperty.call(message, "wallMs") && !$Object.is(message.wallMs, 0))
                writer.uint32(/* id 5, wireType 1 =*/41).double(message.wallMs);
            if (message.silentMs != null && $Object.hasOwnProperty.call(message, "silentMs") && message.silentMs !== 0)
                writer.uint32(/* id 6, wireType 0 =*/48).uint32(message.silentMs);
            if (message.life != null && $Object.hasOwnProperty.call(message, "life") && (typeof message.life === "object" ? message.life.low || message.life.high : message.life !== 0))
                writer.uint32(/* id 7, wireType 0 =*/56).uint64(message.life);
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        /**
         * Decodes a Beat message from the specified reader or buffer.
         * @function decode
         * @memberof flotilla.Beat
         * @static
         * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
         * @param {number} [length] Message length if known beforehand
         * @returns {flotilla.Beat & flotilla.Beat.$Shape} Beat
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        Beat.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message, value;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.flotilla.Beat();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                let wireType = tag & 7;
                switch (tag >>>= 3) {
                case 1: {
                        if (wireType !== 0)
                            break;
                        if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                            message.bootEpoch = value;
                        else
                            delete message.bootEpoch;
                        continue;
                    }
                case 2: {
                        if (wireType !== 0)
                            break;
                        if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                            message.sequence = value;
                        else
                            delete message.sequence;
                        continue;
                    }
                case 3: {
                        if (wireType !== 2)
                            break;
                        if (!(message.threads && message.threads.length))
                            message.threads = [];
                        message.threads.push($root.flotilla.ThreadBeat.decode(reader, reader.size(), $undefined, _depth + 1));
                        continue;
                    }
                case 4: {
                        if (wireType !== 2)
                            break;
                        if (!(message.stores && message.stores.length))
                            message.stores = [];
                        message.stores.push($root.flotilla.StoreBeat.decode(reader, reader.size(), $undefined, _depth + 1));
                        continue;
                    }
                case 5: {
                        if (wireType !== 1)
                            break;
                        if (!$Object.is(value = reader.double(), 0))
                            message.wallMs = value;
                        else
                            delete message.wallMs;
                        continue;
                    }
                case 6: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.uint32())
                            message.silentMs = value;
                        else
                            delete message.silentMs;
                        continue;
                    }
                case 7: {
                        if (wireType !== 0)
                            break;
                        if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                            message.life = value;
                        else
                            delete message.life;
                        continue;
                    }
                }
                reader.skipType(wireType, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        /**
         * Gets the type url for Beat
         * @function getTypeUrl
         * @memberof flotilla.Beat
         * @static
         * @param {string} [prefix] Custom type url prefix, defaults to `"type.googleapis.com"`
         * @returns {string} The type url
         */
        Beat.getTypeUrl = function(prefix) {
            if (prefix === $undefined)
                prefix = "type.googleapis.com";
            return prefix + "/flotilla.Beat";
        };

        return Beat;
    })();

    flotilla.SnapshotFileMeta = (function() {

        /**
         * Properties of a SnapshotFileMeta.
         * @typedef {Object} flotilla.SnapshotFileMeta.$Properties
         * @property {string|null} [name] SnapshotFileMeta name
         * @property {number|null} [bytes] SnapshotFileMeta bytes
         * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
         */

        /**
         * Properties of a SnapshotFileMeta.
         * @memberof flotilla
         * @interface ISnapshotFileMeta
         * @augments flotilla.SnapshotFileMeta.$Properties
         * @deprecated Use flotilla.SnapshotFileMeta.$Properties instead.
         */

        /**
         * Shape of a SnapshotFileMeta.
         * @typedef {flotilla.SnapshotFileMeta.$Properties} flotilla.SnapshotFileMeta.$Shape
         */

        /**
         * Constructs a new SnapshotFileMeta.
         * @memberof flotilla
         * @classdesc Represents a SnapshotFileMeta.
         * @constructor
         * @param {flotilla.SnapshotFileMeta.$Properties=} [properties] Properties to set
         * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
         */
        const SnapshotFileMeta = function (properties) {
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        /**
         * SnapshotFileMeta name.
         * @member {string} name
         * @memberof flotilla.SnapshotFileMeta
         * @instance
         */
        SnapshotFileMeta.prototype.name = "";

        /**
         * SnapshotFileMeta bytes.
         * @member {number} bytes
         * @memberof flotilla.SnapshotFileMeta
         * @instance
         */
        SnapshotFileMeta.prototype.bytes = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

        /**
         * Encodes the specified SnapshotFileMeta message. Does not implicitly {@link flotilla.SnapshotFileMeta.verify|verify} messages.
         * @function encode
         * @memberof flotilla.SnapshotFileMeta
         * @static
         * @param {flotilla.SnapshotFileMeta.$Properties} message SnapshotFileMeta message or plain object to encode
         * @param {$protobuf.Writer} [writer] Writer to encode to
         * @returns {$protobuf.Writer} Writer
         */
        SnapshotFileMeta.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.name != null && $Object.hasOwnProperty.call(message, "name") && message.name !== "")
                writer.uint32(/* id 1, wireType 2 =*/10).string(message.name);
            if (message.bytes != null && $Object.hasOwnProperty.call(message, "bytes") && (typeof message.bytes === "object" ? message.bytes.low || message.bytes.high : message.bytes !== 0))
                writer.uint32(/* id 2, wireType 0 =*/16).uint64(message.bytes);
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        /**
         * Decodes a SnapshotFileMeta message from the specified reader or buffer.
         * @function decode
         * @memberof flotilla.SnapshotFileMeta
         * @static
         * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
         * @param {number} [length] Message length if known beforehand
         * @returns {flotilla.SnapshotFileMeta & flotilla.SnapshotFileMeta.$Shape} SnapshotFileMeta
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        SnapshotFileMeta.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message, value;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.flotilla.SnapshotFileMeta();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                let wireType = tag & 7;
                switch (tag >>>= 3) {
                case 1: {
                        if (wireType !== 2)
                            break;
                        if ((value = reader.stringVerify()).length)
                            message.name = value;
                        else
                            delete message.name;
                        continue;
                    }
                case 2: {
                        if (wireType !== 0)
                            break;
                        if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                            message.bytes = value;
                        else
                            delete message.bytes;
                        continue;
                    }
                }
                reader.skipType(wireType, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        /**
         * Gets the type url for SnapshotFileMeta
         * @function getTypeUrl
         * @memberof flotilla.SnapshotFileMeta
         * @static
         * @param {string} [prefix] Custom type url prefix, defaults to `"type.googleapis.com"`
         * @returns {string} The type url
         */
        SnapshotFileMeta.getTypeUrl = function(prefix) {
            if (prefix === $undefined)
                prefix = "type.googleapis.com";
            return prefix + "/flotilla.SnapshotFileMeta";
        };

        return SnapshotFileMeta;
    })();

    flotilla.SnapshotBegin = (function() {

        /**
         * Properties of a SnapshotBegin.
         * @typedef {Object} flotilla.SnapshotBegin.$Properties
         * @property {number|null} [transfer] SnapshotBegin transfer
         * @property {flotilla.RaftMessage.$Properties|null} [message] SnapshotBegin message
         * @property {Array.<flotilla.SnapshotFileMeta.$Properties>|null} [files] SnapshotBegin files
         * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
         */

        /**
         * Properties of a SnapshotBegin.
         * @memberof flotilla
         * @interface ISnapshotBegin
         * @augments flotilla.SnapshotBegin.$Properties
         * @deprecated Use flotilla.SnapshotBegin.$Properties instead.
         */

        /**
         * Shape of a SnapshotBegin.
         * @typedef {flotilla.SnapshotBegin.$Properties} flotilla.SnapshotBegin.$Shape
         */

        /**
         * Constructs a new SnapshotBegin.
         * @memberof flotilla
         * @classdesc Represents a SnapshotBegin.
         * @constructor
         * @param {flotilla.SnapshotBegin.$Properties=} [properties] Properties to set
         * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
         */
        const SnapshotBegin = function (properties) {
            this.files = [];
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        /**
         * SnapshotBegin transfer.
         * @member {number} transfer
         * @memberof flotilla.SnapshotBegin
         * @instance
         */
        SnapshotBegin.prototype.transfer = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

        /**
         * SnapshotBegin message.
         * @member {flotilla.RaftMessage.$Properties|null|undefined} message
         * @memberof flotilla.SnapshotBegin
         * @instance
         */
        SnapshotBegin.prototype.message = null;

        /**
         * SnapshotBegin files.
         * @member {Array.<flotilla.SnapshotFileMeta.$Properties>} files
         * @memberof flotilla.SnapshotBegin
         * @instance
         */
        SnapshotBegin.prototype.files = $util.emptyArray;

        /**
         * Encodes the specified SnapshotBegin message. Does not implicitly {@link flotilla.SnapshotBegin.verify|verify} messages.
         * @function encode
         * @memberof flotilla.SnapshotBegin
         * @static
         * @param {flotilla.SnapshotBegin.$Properties} message SnapshotBegin message or plain object to encode
         * @param {$protobuf.Writer} [writer] Writer to encode to
         * @returns {$protobuf.Writer} Writer
         */
        SnapshotBegin.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.transfer != null && $Object.hasOwnProperty.call(message, "transfer") && (typeof message.transfer === "object" ? message.transfer.low || message.transfer.high : message.transfer !== 0))
                writer.uint32(/* id 1, wireType 0 =*/8).uint64(message.transfer);
            if (message.message != null && $Object.hasOwnProperty.call(message, "message"))
                $root.flotilla.RaftMessage.encode(message.message, writer.uint32(/* id 2, wireType 2 =*/18).fork(), _depth + 1).ldelim();
            if (message.files != null && message.files.length)
                for (let i = 0; i < message.files.length; ++i)
                    $root.flotilla.SnapshotFileMeta.encode(message.files[i], writer.uint32(/* id 3, wireType 2 =*/26).fork(), _depth + 1).ldelim();
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        /**
         * Decodes a SnapshotBegin message from the specified reader or buffer.
         * @function decode
         * @memberof flotilla.SnapshotBegin
         * @static
         * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
         * @param {number} [length] Message length if known beforehand
         * @returns {flotilla.SnapshotBegin & flotilla.SnapshotBegin.$Shape} SnapshotBegin
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        SnapshotBegin.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message, value;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.flotilla.SnapshotBegin();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                let wireType = tag & 7;
                switch (tag >>>= 3) {
                case 1: {
                        if (wireType !== 0)
                            break;
                        if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                            message.transfer = value;
                        else
                            delete message.transfer;
                        continue;
                    }
                case 2: {
                        if (wireType !== 2)
                            break;
                        message.message = $root.flotilla.RaftMessage.decode(reader, reader.size(), $undefined, _depth + 1, message.message);
                        continue;
                    }
                case 3: {
                        if (wireType !== 2)
                            break;
                        if (!(message.files && message.files.length))
                            message.files = [];
                        message.files.push($root.flotilla.SnapshotFileMeta.decode(reader, reader.size(), $undefined, _depth + 1));
                        continue;
                    }
                }
                reader.skipType(wireType, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        /**
         * Gets the type url for SnapshotBegin
         * @function getTypeUrl
         * @memberof flotilla.SnapshotBegin
         * @static
         * @param {string} [prefix] Custom type url prefix, defaults to `"type.googleapis.com"`
         * @returns {string} The type url
         */
        SnapshotBegin.getTypeUrl = function(prefix) {
            if (prefix === $undefined)
                prefix = "type.googleapis.com";
            return prefix + "/flotilla.SnapshotBegin";
        };

        return SnapshotBegin;
    })();

    flotilla.SnapshotChunk = (function() {

        /**
         * Properties of a SnapshotChunk.
         * @typedef {Object} flotilla.SnapshotChunk.$Properties
         * @property {number|null} [transfer] SnapshotChunk transfer
         * @property {number|null} [file] SnapshotChunk file
         * @property {number|null} [offset] SnapshotChunk offset
         * @property {Uint8Array|null} [payload] SnapshotChunk payload
         * @property {number|null} [crc] SnapshotChunk crc
         * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
         */

        /**
         * Properties of a SnapshotChunk.
         * @memberof flotilla
         * @interface ISnapshotChunk
         * @augments flotilla.SnapshotChunk.$Properties
         * @deprecated Use flotilla.SnapshotChunk.$Properties instead.
         */

        /**
         * Shape of a SnapshotChunk.
         * @typedef {flotilla.SnapshotChunk.$Properties} flotilla.SnapshotChunk.$Shape
         */

        /**
         * Constructs a new SnapshotChunk.
         * @memberof flotilla
         * @classdesc Represents a SnapshotChunk.
         * @constructor
         * @param {flotilla.SnapshotChunk.$Properties=} [properties] Properties to set
         * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
         */
        const SnapshotChunk = function (properties) {
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        /**
         * SnapshotChunk transfer.
         * @member {number} transfer
         * @memberof flotilla.SnapshotChunk
         * @instance
         */
        SnapshotChunk.prototype.transfer = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

        /**
         * SnapshotChunk file.
         * @member {number} file
         * @memberof flotilla.SnapshotChunk
         * @instance
         */
        SnapshotChunk.prototype.file = 0;

        /**
         * SnapshotChunk offset.
         * @member {number} offset
         * @memberof flotilla.SnapshotChunk
         * @instance
         */
        SnapshotChunk.prototype.offset = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

        /**
         * SnapshotChunk payload.
         * @member {Uint8Array} payload
         * @memberof flotilla.SnapshotChunk
         * @instance
         */
        SnapshotChunk.prototype.payload = $util.newBuffer([]);

        /**
         * SnapshotChunk crc.
         * @member {number} crc
         * @memberof flotilla.SnapshotChunk
         * @instance
         */
        SnapshotChunk.prototype.crc = 0;

        /**
         * Encodes the specified SnapshotChunk message. Does not implicitly {@link flotilla.SnapshotChunk.verify|verify} messages.
         * @function encode
         * @memberof flotilla.SnapshotChunk
         * @static
         * @param {flotilla.SnapshotChunk.$Properties} message SnapshotChunk message or plain object to encode
         * @param {$protobuf.Writer} [writer] Writer to encode to
         * @returns {$protobuf.Writer} Writer
         */
        SnapshotChunk.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.transfer != null && $Object.hasOwnProperty.call(message, "transfer") && (typeof message.transfer === "object" ? message.transfer.low || message.transfer.high : message.transfer !== 0))
                writer.uint32(/* id 1, wireType 0 =*/8).uint64(message.transfer);
            if (message.file != null && $Object.hasOwnProperty.call(message, "file") && message.file !== 0)
                writer.uint32(/* id 2, wireType 0 =*/16).uint32(message.file);
            if (message.offset != null && $Object.hasOwnProperty.call(message, "offset") && (typeof message.offset === "object" ? message.offset.low || message.offset.high : message.offset !== 0))
                writer.uint32(/* id 3, wireType 0 =*/24).uint64(message.offset);
            if (message.payload != null && $Object.hasOwnProperty.call(message, "payload") && message.payload.length)
                writer.uint32(/* id 4, wireType 2 =*/34).bytes(message.payload);
            if (message.crc != null && $Object.hasOwnProperty.call(message, "crc") && message.crc !== 0)
                writer.uint32(/* id 5, wireType 5 =*/45).fixed32(message.crc);
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        /**
         * Decodes a SnapshotChunk message from the specified reader or buffer.
         * @function decode
         * @memberof flotilla.SnapshotChunk
         * @static
         * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
         * @param {number} [length] Message length if known beforehand
         * @returns {flotilla.SnapshotChunk & flotilla.SnapshotChunk.$Shape} SnapshotChunk
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        SnapshotChunk.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message, value;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.flotilla.SnapshotChunk();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                let wireType = tag & 7;
                switch (tag >>>= 3) {
                case 1: {
                        if (wireType !== 0)
                            break;
                        if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                            message.transfer = value;
                        else
                            delete message.transfer;
                        continue;
                    }
                case 2: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.uint32())
                            message.file = value;
                        else
                            delete message.file;
                        continue;
                    }
                case 3: {
                        if (wireType !== 0)
                            break;
                        if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                            message.offset = value;
                        else
                            delete message.offset;
                        continue;
                    }
                case 4: {
                        if (wireType !== 2)
                            break;
                        if ((value = reader.bytes()).length)
                            message.payload = value;
                        else
                            delete message.payload;
                        continue;
                    }
                case 5: {
                        if (wireType !== 5)
                            break;
                        if (value = reader.fixed32())
                            message.crc = value;
                        else
                            delete message.crc;
                        continue;
                    }
                }
                reader.skipType(wireType, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        /**
         * Gets the type url for SnapshotChunk
         * @function getTypeUrl
         * @memberof flotilla.SnapshotChunk
         * @static
         * @param {string} [prefix] Custom type url prefix, defaults to `"type.googleapis.com"`
         * @returns {string} The type url
         */
        SnapshotChunk.getTypeUrl = function(prefix) {
            if (prefix === $undefined)
                prefix = "type.googleapis.com";
            return prefix + "/flotilla.SnapshotChunk";
        };

        return SnapshotChunk;
    })();

    flotilla.SnapshotAck = (function() {

        /**
         * Properties of a SnapshotAck.
         * @typedef {Object} flotilla.SnapshotAck.$Properties
         * @property {number|null} [transfer] SnapshotAck transfer
         * @property {number|null} [position] SnapshotAck position
         * @property {flotilla.SnapshotAck.State|null} [state] SnapshotAck state
         * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
         */

        /**
         * Properties of a SnapshotAck.
         * @memberof flotilla
         * @interface ISnapshotAck
         * @augments flotilla.SnapshotAck.$Properties
         * @deprecated Use flotilla.SnapshotAck.$Properties instead.
         */

        /**
         * Shape of a SnapshotAck.
         * @typedef {flotilla.SnapshotAck.$Properties} flotilla.SnapshotAck.$Shape
         */

        /**
         * Constructs a new SnapshotAck.
         * @memberof flotilla
         * @classdesc Represents a SnapshotAck.
         * @constructor
         * @param {flotilla.SnapshotAck.$Properties=} [properties] Properties to set
         * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
         */
        const SnapshotAck = function (properties) {
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        /**
         * SnapshotAck transfer.
         * @member {number} transfer
         * @memberof flotilla.SnapshotAck
         * @instance
         */
        SnapshotAck.prototype.transfer = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

        /**
         * SnapshotAck position.
         * @member {number} position
         * @memberof flotilla.SnapshotAck
         * @instance
         */
        SnapshotAck.prototype.position = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

        /**
         * SnapshotAck state.
         * @member {flotilla.SnapshotAck.State} state
         * @memberof flotilla.SnapshotAck
         * @instance
         */
        SnapshotAck.prototype.state = 0;

        /**
         * Encodes the specified SnapshotAck message. Does not implicitly {@link flotilla.SnapshotAck.verify|verify} messages.
         * @function encode
         * @memberof flotilla.SnapshotAck
         * @static
         * @param {flotilla.SnapshotAck.$Properties} message SnapshotAck message or plain object to encode
         * @param {$protobuf.Writer} [writer] Writer to encode to
         * @returns {$protobuf.Writer} Writer
         */
        SnapshotAck.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.transfer != null && $Object.hasOwnProperty.call(message, "transfer") && (typeof message.transfer === "object" ? message.transfer.low || message.transfer.high : message.transfer !== 0))
                writer.uint32(/* id 1, wireType 0 =*/8).uint64(message.transfer);
            if (message.position != null && $Object.hasOwnProperty.call(message, "position") && (typeof message.position === "object" ? message.position.low || message.position.high : message.position !== 0))
                writer.uint32(/* id 2, wireType 0 =*/16).uint64(message.position);
            if (message.state != null && $Object.hasOwnProperty.call(message, "state") && message.state !== 0)
                writer.uint32(/* id 3, wireType 0 =*/24).int32(message.state);
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        /**
         * Decodes a SnapshotAck message from the specified reader or buffer.
         * @function decode
         * @memberof flotilla.SnapshotAck
         * @static
         * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
         * @param {number} [length] Message length if known beforehand
         * @returns {flotilla.SnapshotAck & flotilla.SnapshotAck.$Shape} SnapshotAck
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        SnapshotAck.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message, value;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.flotilla.SnapshotAck();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                let wireType = tag & 7;
                switch (tag >>>= 3) {
                case 1: {
                        if (wireType !== 0)
                            break;
                        if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                            message.transfer = value;
                        else
                            delete message.transfer;
                        continue;
                    }
                case 2: {
                        if (wireType !== 0)
                            break;
                        if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                            message.position = value;
                        else
                            delete message.position;
                        continue;
                    }
                case 3: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.int32())
                            message.state = value;
                        else
                            delete message.state;
                        continue;
                    }
                }
                reader.skipType(wireType, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        /**
         * Gets the type url for SnapshotAck
         * @function getTypeUrl
         * @memberof flotilla.SnapshotAck
         * @static
         * @param {string} [prefix] Custom type url prefix, defaults to `"type.googleapis.com"`
         * @returns {string} The type url
         */
        SnapshotAck.getTypeUrl = function(prefix) {
            if (prefix === $undefined)
                prefix = "type.googleapis.com";
            return prefix + "/flotilla.SnapshotAck";
        };

        /**
         * State enum.
         * @name flotilla.SnapshotAck.State
         * @enum {number}
         * @property {number} RECEIVING=0 RECEIVING value
         * @property {number} STAGED=1 STAGED value
         * @property {number} REFUSED=2 REFUSED value
         */
        SnapshotAck.State = (function() {
            const valuesById = $Object.create(null), values = $Object.create(valuesById);
            values[valuesById[0] = "RECEIVING"] = 0;
            values[valuesById[1] = "STAGED"] = 1;
            values[valuesById[2] = "REFUSED"] = 2;
            return values;
        })();

        return SnapshotAck;
    })();

    /**
     * RaftMessageType enum.
     * @name flotilla.RaftMessageType
     * @enum {number}
     * @property {number} RAFT_MESSAGE_TYPE_UNSPECIFIED=0 RAFT_MESSAGE_TYPE_UNSPECIFIED value
     * @property {number} APPEND=1 APPEND value
     * @property {number} APPEND_REPLY=2 APPEND_REPLY value
     * @property {number} VOTE=3 VOTE value
     * @property {number} VOTE_REPLY=4 VOTE_REPLY value
     * @property {number} PRE_VOTE=5 PRE_VOTE value
     * @property {number} PRE_VOTE_REPLY=6 PRE_VOTE_REPLY value
     * @property {number} HEARTBEAT=7 HEARTBEAT value
     * @property {number} HEARTBEAT_REPLY=8 HEARTBEAT_REPLY value
     * @property {number} SNAPSHOT=9 SNAPSHOT value
     * @property {number} TIMEOUT_NOW=10 TIMEOUT_NOW value
     * @property {number} READ_INDEX=11 READ_INDEX value
     * @property {number} READ_INDEX_REPLY=12 READ_INDEX_REPLY value
     */
    flotilla.RaftMessageType = (function() {
        const valuesById = $Object.create(null), values = $Object.create(valuesById);
        values[valuesById[0] = "RAFT_MESSAGE_TYPE_UNSPECIFIED"] = 0;
        values[valuesById[1] = "APPEND"] = 1;
        values[valuesById[2] = "APPEND_REPLY"] = 2;
        values[valuesById[3] = "VOTE"] = 3;
        values[valuesById[4] = "VOTE_REPLY"] = 4;
        values[valuesById[5] = "PRE_VOTE"] = 5;
        values[valuesById[6] = "PRE_VOTE_REPLY"] = 6;
        values[valuesById[7] = "HEARTBEAT"] = 7;
        values[valuesById[8] = "HEARTBEAT_REPLY"] = 8;
        values[valuesById[9] = "SNAPSHOT"] = 9;
        values[valuesById[10] = "TIMEOUT_NOW"] = 10;
        values[valuesById[11] = "READ_INDEX"] = 11;
        values[valuesById[12] = "READ_INDEX_REPLY"] = 12;
        return values;
    })();

    /**
     * RaftEntryType enum.
     * @name flotilla.RaftEntryType
     * @enum {number}
     * @property {number} NORMAL=0 NORMAL value
     * @property {number} CONFIG=1 CONFIG value
     * @property {number} NOOP=2 NOOP value
     */
    flotilla.RaftEntryType = (function() {
        const valuesById = $Object.create(null), values = $Object.create(valuesById);
        values[valuesById[0] = "NORMAL"] = 0;
        values[valuesById[1] = "CONFIG"] = 1;
        values[valuesById[2] = "NOOP"] = 2;
        return values;
    })();

    flotilla.RaftEntry = (function() {

        /**
         * Properties of a RaftEntry.
         * @typedef {Object} flotilla.RaftEntry.$Properties
         * @property {number|null} [term] RaftEntry term
         * @property {number|null} [index] RaftEntry index
         * @property {flotilla.RaftEntryType|null} [type] RaftEntry type
         * @property {Uint8Array|null} [payload] RaftEntry payload
         * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
         */

        /**
         * Properties of a RaftEntry.
         * @memberof flotilla
         * @interface IRaftEntry
         * @augments flotilla.RaftEntry.$Properties
         * @deprecated Use flotilla.RaftEntry.$Properties instead.
         */

        /**
         * Shape of a RaftEntry.
         * @typedef {flotilla.RaftEntry.$Properties} flotilla.RaftEntry.$Shape
         */

        /**
         * Constructs a new RaftEntry.
         * @memberof flotilla
         * @classdesc Represents a RaftEntry.
         * @constructor
         * @param {flotilla.RaftEntry.$Properties=} [properties] Properties to set
         * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
         */
        const RaftEntry = function (properties) {
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        /**
         * RaftEntry term.
         * @member {number} term
         * @memberof flotilla.RaftEntry
         * @instance
         */
        RaftEntry.prototype.term = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

        /**
         * RaftEntry index.
         * @member {number} index
         * @memberof flotilla.RaftEntry
         * @instance
         */
        RaftEntry.prototype.index = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

        /**
         * RaftEntry type.
         * @member {flotilla.RaftEntryType} type
         * @memberof flotilla.RaftEntry
         * @instance
         */
        RaftEntry.prototype.type = 0;

        /**
         * RaftEntry payload.
         * @member {Uint8Array} payload
         * @memberof flotilla.RaftEntry
         * @instance
         */
        RaftEntry.prototype.payload = $util.newBuffer([]);

        /**
         * Encodes the specified RaftEntry message. Does not implicitly {@link flotilla.RaftEntry.verify|verify} messages.
         * @function encode
         * @memberof flotilla.RaftEntry
         * @static
         * @param {flotilla.RaftEntry.$Properties} message RaftEntry message or plain object to encode
         * @param {$protobuf.Writer} [writer] Writer to encode to
         * @returns {$protobuf.Writer} Writer
         */
        RaftEntry.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.term != null && $Object.hasOwnProperty.call(message, "term") && (typeof message.term === "object" ? message.term.low || message.term.high : message.term !== 0))
                writer.uint32(/* id 1, wireType 0 =*/8).uint64(message.term);
            if (message.index != null && $Object.hasOwnProperty.call(message, "index") && (typeof message.index === "object" ? message.index.low || message.index.high : message.index !== 0))
                writer.uint32(/* id 2, wireType 0 =*/16).uint64(message.index);
            if (message.type != null && $Object.hasOwnProperty.call(message, "type") && message.type !== 0)
                writer.uint32(/* id 3, wireType 0 =*/24).int32(message.type);
            if (message.payload != null && $Object.hasOwnProperty.call(message, "payload") && message.payload.length)
                writer.uint32(/* id 4, wireType 2 =*/34).bytes(message.payload);
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        /**
         * Decodes a RaftEntry message from the specified reader or buffer.
         * @function decode
         * @memberof flotilla.RaftEntry
         * @static
         * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
         * @param {number} [length] Message length if known beforehand
         * @returns {flotilla.RaftEntry & flotilla.RaftEntry.$Shape} RaftEntry
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        RaftEntry.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message, value;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.flotilla.RaftEntry();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                let wireType = tag & 7;
                switch (tag >>>= 3) {
                case 1: {
                        if (wireType !== 0)
                            break;
                        if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                            message.term = value;
                        else
                            delete message.term;
                        continue;
                    }
                case 2: {
                        if (wireType !== 0)
                            break;
                        if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                            message.index = value;
                        else
                            delete message.index;
                        continue;
                    }
                case 3: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.int32())
                            message.type = value;
                        else
                            delete message.type;
                        continue;
                    }
                case 4: {
                        if (wireType !== 2)
                            break;
                        if ((value = reader.bytes()).length)
                            message.payload = value;
                        else
                            delete message.payload;
                        continue;
                    }
                }
                reader.skipType(wireType, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        /**
         * Gets the type url for RaftEntry
         * @function getTypeUrl
         * @memberof flotilla.RaftEntry
         * @static
         * @param {string} [prefix] Custom type url prefix, defaults to `"type.googleapis.com"`
         * @returns {string} The type url
         */
        RaftEntry.getTypeUrl = function(prefix) {
            if (prefix === $undefined)
                prefix = "type.googleapis.com";
            return prefix + "/flotilla.RaftEntry";
        };

        return RaftEntry;
    })();

    flotilla.RaftConfiguration = (function() {

        /**
         * Properties of a RaftConfiguration.
         * @typedef {Object} flotilla.RaftConfiguration.$Properties
         * @property {Array.<number>|null} [voters] RaftConfiguration voters
         * @property {Array.<number>|null} [votersOutgoing] RaftConfiguration votersOutgoing
         * @property {Array.<number>|null} [learners] RaftConfiguration learners
         * @property {Array.<number>|null} [learnersNext] RaftConfiguration learnersNext
         * @property {boolean|null} [autoLeave] RaftConfiguration autoLeave
         * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
         */

        /**
         * Properties of a RaftConfiguration.
         * @memberof flotilla
         * @interface IRaftConfiguration
         * @augments flotilla.RaftConfiguration.$Properties
         * @deprecated Use flotilla.RaftConfiguration.$Properties instead.
         */

        /**
         * Shape of a RaftConfiguration.
         * @typedef {flotilla.RaftConfiguration.$Properties} flotilla.RaftConfiguration.$Shape
         */

        /**
         * Constructs a new RaftConfiguration.
         * @memberof flotilla
         * @classdesc Represents a RaftConfiguration.
         * @constructor
         * @param {flotilla.RaftConfiguration.$Properties=} [properties] Properties to set
         * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
         */
        const RaftConfiguration = function (properties) {
            this.voters = [];
            this.votersOutgoing = [];
            this.learners = [];
            this.learnersNext = [];
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        /**
         * RaftConfiguration voters.
         * @member {Array.<number>} voters
         * @memberof flotilla.RaftConfiguration
         * @instance
         */
        RaftConfiguration.prototype.voters = $util.emptyArray;

        /**
         * RaftConfiguration votersOutgoing.
         * @member {Array.<number>} votersOutgoing
         * @memberof flotilla.RaftConfiguration
         * @instance
         */
        RaftConfiguration.prototype.votersOutgoing = $util.emptyArray;

        /**
         * RaftConfiguration learners.
         * @member {Array.<number>} learners
         * @memberof flotilla.RaftConfiguration
         * @instance
         */
        RaftConfiguration.prototype.learners = $util.emptyArray;

        /**
         * RaftConfiguration learnersNext.
         * @member {Array.<number>} learnersNext
         * @memberof flotilla.RaftConfiguration
         * @instance
         */
        RaftConfiguration.prototype.learnersNext = $util.emptyArray;

        /**
         * RaftConfiguration autoLeave.
         * @member {boolean} autoLeave
         * @memberof flotilla.RaftConfiguration
         * @instance
         */
        RaftConfiguration.prototype.autoLeave = false;

        /**
         * Encodes the specified RaftConfiguration message. Does not implicitly {@link flotilla.RaftConfiguration.verify|verify} messages.
         * @function encode
         * @memberof flotilla.RaftConfiguration
         * @static
         * @param {flotilla.RaftConfiguration.$Properties} message RaftConfiguration message or plain object to encode
         * @param {$protobuf.Writer} [writer] Writer to encode to
         * @returns {$protobuf.Writer} Writer
         */
        RaftConfiguration.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.voters != null && message.voters.length)
                writer.uint32(/* id 1, wireType 2 =*/10).uint64s(message.voters);
            if (message.votersOutgoing != null && message.votersOutgoing.length)
                writer.uint32(/* id 2, wireType 2 =*/18).uint64s(message.votersOutgoing);
            if (message.learners != null && message.learners.length)
                writer.uint32(/* id 3, wireType 2 =*/26).uint64s(message.learners);
            if (message.learnersNext != null && message.learnersNext.length)
                writer.uint32(/* id 4, wireType 2 =*/34).uint64s(message.learnersNext);
            if (message.autoLeave != null && $Object.hasOwnProperty.call(message, "autoLeave") && message.autoLeave !== false)
                writer.uint32(/* id 5, wireType 0 =*/40).bool(message.autoLeave);
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        /**
         * Decodes a RaftConfiguration message from the specified reader or buffer.
         * @function decode
         * @memberof flotilla.RaftConfiguration
         * @static
         * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
         * @param {number} [length] Message length if known beforehand
         * @returns {flotilla.RaftConfiguration & flotilla.RaftConfiguration.$Shape} RaftConfiguration
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        RaftConfiguration.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message, value;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.flotilla.RaftConfiguration();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                let wireType = tag & 7;
                switch (tag >>>= 3) {
                case 1: {
                        if (wireType === 2) {
                            if (!(message.voters && message.voters.length))
                                message.voters = [];
                            reader.uint64s(message.voters);
                            continue;
                        }
                        if (wireType !== 0)
                            break;
                        if (!(message.voters && message.voters.length))
                            message.voters = [];
                        message.voters.push(reader.uint64());
                        continue;
                    }
                case 2: {
                        if (wireType === 2) {
                            if (!(message.votersOutgoing && message.votersOutgoing.length))
                                message.votersOutgoing = [];
                            reader.uint64s(message.votersOutgoing);
                            continue;
                        }
                        if (wireType !== 0)
                            break;
                        if (!(message.votersOutgoing && message.votersOutgoing.length))
                            message.votersOutgoing = [];
                        message.votersOutgoing.push(reader.uint64());
                        continue;
                    }
                case 3: {
                        if (wireType === 2) {
                            if (!(message.learners && message.learners.length))
                                message.learners = [];
                            reader.uint64s(message.learners);
                            continue;
                        }
                        if (wireType !== 0)
                            break;
                        if (!(message.learners && message.learners.length))
                            message.learners = [];
                        message.learners.push(reader.uint64());
                        continue;
                    }
                case 4: {
                        if (wireType === 2) {
                            if (!(message.learnersNext && message.learnersNext.length))
                                message.learnersNext = [];
                            reader.uint64s(message.learnersNext);
                            continue;
                        }
                        if (wireType !== 0)
                            break;
                        if (!(message.learnersNext && message.learnersNext.length))
                            message.learnersNext = [];
                        message.learnersNext.push(reader.uint64());
                        continue;
                    }
                case 5: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.bool())
                            message.autoLeave = value;
                        else
                            delete message.autoLeave;
                        continue;
                    }
                }
                reader.skipType(wireType, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        /**
         * Gets the type url for RaftConfiguration
         * @function getTypeUrl
         * @memberof flotilla.RaftConfiguration
         * @static
         * @param {string} [prefix] Custom type url prefix, defaults to `"type.googleapis.com"`
         * @returns {string} The type url
         */
        RaftConfiguration.getTypeUrl = function(prefix) {
            if (prefix === $undefined)
                prefix = "type.googleapis.com";
            return prefix + "/flotilla.RaftConfiguration";
        };

        return RaftConfiguration;
    })();

    flotilla.RaftSnapshotMeta = (function() {

        /**
         * Properties of a RaftSnapshotMeta.
         * @typedef {Object} flotilla.RaftSnapshotMeta.$Properties
         * @property {number|null} [index] RaftSnapshotMeta index
         * @property {number|null} [term] RaftSnapshotMeta term
         * @property {flotilla.RaftConfiguration.$Properties|null} [configuration] RaftSnapshotMeta configuration
         * @property {number|null} [configIndex] RaftSnapshotMeta configIndex
         * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
         */

        /**
         * Properties of a RaftSnapshotMeta.
         * @memberof flotilla
         * @interface IRaftSnapshotMeta
         * @augments flotilla.RaftSnapshotMeta.$Properties
         * @deprecated Use flotilla.RaftSnapshotMeta.$Properties instead.
         */

        /**
         * Shape of a RaftSnapshotMeta.
         * @typedef {flotilla.RaftSnapshotMeta.$Properties} flotilla.RaftSnapshotMeta.$Shape
         */

        /**
         * Constructs a new RaftSnapshotMeta.
         * @memberof flotilla
         * @classdesc Represents a RaftSnapshotMeta.
         * @constructor
         * @param {flotilla.RaftSnapshotMeta.$Properties=} [properties] Properties to set
         * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
         */
        const RaftSnapshotMeta = function (properties) {
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        /**
         * RaftSnapshotMeta index.
         * @member {number} index
         * @memberof flotilla.RaftSnapshotMeta
         * @instance
         */
        RaftSnapshotMeta.prototype.index = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

        /**
         * RaftSnapshotMeta term.
         * @member {number} term
         * @memberof flotilla.RaftSnapshotMeta
         * @instance
         */
        RaftSnapshotMeta.prototype.term = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

        /**
         * RaftSnapshotMeta configuration.
         * @member {flotilla.RaftConfiguration.$Properties|null|undefined} configuration
         * @memberof flotilla.RaftSnapshotMeta
         * @instance
         */
        RaftSnapshotMeta.prototype.configuration = null;

        /**
         * RaftSnapshotMeta configIndex.
         * @member {number} configIndex
         * @memberof flotilla.RaftSnapshotMeta
         * @instance
         */
        RaftSnapshotMeta.prototype.configIndex = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

        /**
         * Encodes the specified RaftSnapshotMeta message. Does not implicitly {@link flotilla.RaftSnapshotMeta.verify|verify} messages.
         * @function encode
         * @memberof flotilla.RaftSnapshotMeta
         * @static
         * @param {flotilla.RaftSnapshotMeta.$Properties} message RaftSnapshotMeta message or plain object to encode
         * @param {$protobuf.Writer} [writer] Writer to encode to
         * @returns {$protobuf.Writer} Writer
         */
        RaftSnapshotMeta.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.index != null && $Object.hasOwnProperty.call(message, "index") && (typeof message.index === "object" ? message.index.low || message.index.high : message.index !== 0))
                writer.uint32(/* id 1, wireType 0 =*/8).uint64(message.index);
            if (message.term != null && $Object.hasOwnProperty.call(message, "term") && (typeof message.term === "object" ? message.term.low || message.term.high : message.term !== 0))
                writer.uint32(/* id 2, wireType 0 =*/16).uint64(message.term);
            if (message.configuration != null && $Object.hasOwnProperty.call(message, "configuration"))
                $root.flotilla.RaftConfiguration.encode(message.configuration, writer.uint32(/* id 3, wireType 2 =*/26).fork(), _depth + 1).ldelim();
            if (message.configIndex != null && $Object.hasOwnProperty.call(message, "configIndex") && (typeof message.configIndex === "object" ? message.configIndex.low || message.configIndex.high : message.configIndex !== 0))
                writer.uint32(/* id 4, wireType 0 =*/32).uint64(message.configIndex);
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        /**
         * Decodes a RaftSnapshotMeta message from the specified reader or buffer.
         * @function decode
         * @memberof flotilla.RaftSnapshotMeta
         * @static
         * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
         * @param {number} [length] Message length if known beforehand
         * @returns {flotilla.RaftSnapshotMeta & flotilla.RaftSnapshotMeta.$Shape} RaftSnapshotMeta
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        RaftSnapshotMeta.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message, value;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.flotilla.RaftSnapshotMeta();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                let wireType = tag & 7;
                switch (tag >>>= 3) {
                case 1: {
                        if (wireType !== 0)
                            break;
                        if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                            message.index = value;
                        else
                            delete message.index;
                        continue;
                    }
                case 2: {
                        if (wireType !== 0)
                            break;
                        if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                            message.term = value;
                        else
                            delete message.term;
                        continue;
                    }
                case 3: {
                        if (wireType !== 2)
                            break;
                        message.configuration = $root.flotilla.RaftConfiguration.decode(reader, reader.size(), $undefined, _depth + 1, message.configuration);
                        continue;
                    }
                case 4: {
                        if (wireType !== 0)
                            break;
                        if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                            message.configIndex = value;
                        else
                            delete message.configIndex;
                        continue;
                    }
                }
                reader.skipType(wireType, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        /**
         * Gets the type url for RaftSnapshotMeta
         * @function getTypeUrl
         * @memberof flotilla.RaftSnapshotMeta
         * @static
         * @param {string} [prefix] Custom type url prefix, defaults to `"type.googleapis.com"`
         * @returns {string} The type url
         */
        RaftSnapshotMeta.getTypeUrl = function(prefix) {
            if (prefix === $undefined)
                prefix = "type.googleapis.com";
            return prefix + "/flotilla.RaftSnapshotMeta";
        };

        return RaftSnapshotMeta;
    })();

    flotilla.RaftMessage = (function() {

        /**
         * Properties of a RaftMessage.
         * @typedef {Object} flotilla.RaftMessage.$Properties
         * @property {flotilla.RaftMessageType|null} [type] RaftMessage type
         * @property {number|null} [from] RaftMessage from
         * @property {number|null} [to] RaftMessage to
         * @property {number|null} [term] RaftMessage term
         * @property {number|null} [session] RaftMessage session
         * @property {number|null} [index] RaftMessage index
         * @property {number|null} [logTerm] RaftMessage logTerm
         * @property {number|null} [commitIndex] RaftMessage commitIndex
         * @property {boolean|null} [flag] RaftMessage flag
         * @property {number|null} [hintIndex] RaftMessage hintIndex
         * @property {number|null} [hintTerm] RaftMessage hintTerm
         * @property {number|null} [round] RaftMessage round
         * @property {number|null} [readId] RaftMessage readId
         * @property {Array.<flotilla.RaftEntry.$Properties>|null} [entries] RaftMessage entries
         * @property {flotilla.RaftSnapshotMeta.$Properties|null} [snapshot] RaftMessage snapshot
         * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
         */

        /**
         * Properties of a RaftMessage.
         * @memberof flotilla
         * @interface IRaftMessage
         * @augments flotilla.RaftMessage.$Properties
         * @deprecated Use flotilla.RaftMessage.$Properties instead.
         */

        /**
         * Shape of a RaftMessage.
         * @typedef {flotilla.RaftMessage.$Properties} flotilla.RaftMessage.$Shape
         */

        /**
         * Constructs a new RaftMessage.
         * @memberof flotilla
         * @classdesc Represents a RaftMessage.
         * @constructor
         * @param {flotilla.RaftMessage.$Properties=} [properties] Properties to set
         * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
         */
        const RaftMessage = function (properties) {
            this.entries = [];
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        /**
         * RaftMessage type.
         * @member {flotilla.RaftMessageType} type
         * @memberof flotilla.RaftMessage
         * @instance
         */
        RaftMessage.prototype.type = 0;

        /**
         * RaftMessage from.
         * @member {number} from
         * @memberof flotilla.RaftMessage
         * @instance
         */
        RaftMessage.prototype.from = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

        /**
         * RaftMessage to.
         * @member {number} to
         * @memberof flotilla.RaftMessage
         * @instance
         */
        RaftMessage.prototype.to = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

        /**
         * RaftMessage term.
         * @member {number} term
         * @memberof flotilla.RaftMessage
         * @instance
         */
        RaftMessage.prototype.term = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

        /**
         * RaftMessage session.
         * @member {number} session
         * @memberof flotilla.RaftMessage
         * @instance
         */
        RaftMessage.prototype.session = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

        /**
         * RaftMessage index.
         * @member {number} index
         * @memberof flotilla.RaftMessage
         * @instance
         */
        RaftMessage.prototype.index = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

        /**
         * RaftMessage logTerm.
         * @member {number} logTerm
         * @memberof flotilla.RaftMessage
         * @instance
         */
        RaftMessage.prototype.logTerm = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

        /**
         * RaftMessage commitIndex.
         * @member {number} commitIndex
         * @memberof flotilla.RaftMessage
         * @instance
         */
        RaftMessage.prototype.commitIndex = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

        /**
         * RaftMessage flag.
         * @member {boolean} flag
         * @memberof flotilla.RaftMessage
         * @instance
         */
        RaftMessage.prototype.flag = false;

        /**
         * RaftMessage hintIndex.
         * @member {number} hintIndex
         * @memberof flotilla.RaftMessage
         * @instance
         */
        RaftMessage.prototype.hintIndex = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

        /**
         * RaftMessage hintTerm.
         * @member {number} hintTerm
         * @memberof flotilla.RaftMessage
         * @instance
         */
        RaftMessage.prototype.hintTerm = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

        /**
         * RaftMessage round.
         * @member {number} round
         * @memberof flotilla.RaftMessage
         * @instance
         */
        RaftMessage.prototype.round = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

        /**
         * RaftMessage readId.
         * @member {number} readId
         * @memberof flotilla.RaftMessage
         * @instance
         */
        RaftMessage.prototype.readId = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

        /**
         * RaftMessage entries.
         * @member {Array.<flotilla.RaftEntry.$Properties>} entries
         * @memberof flotilla.RaftMessage
         * @instance
         */
        RaftMessage.prototype.entries = $util.emptyArray;

        /**
         * RaftMessage snapshot.
         * @member {flotilla.RaftSnapshotMeta.$Properties|null|undefined} snapshot
         * @memberof flotilla.RaftMessage
         * @instance
         */
        RaftMessage.prototype.snapshot = null;

        /**
         * Encodes the specified RaftMessage message. Does not implicitly {@link flotilla.RaftMessage.verify|verify} messages.
         * @function encode
         * @memberof flotilla.RaftMessage
         * @static
         * @param {flotilla.RaftMessage.$Properties} message RaftMessage message or plain object to encode
         * @param {$protobuf.Writer} [writer] Writer to encode to
         * @returns {$protobuf.Writer} Writer
         */
        RaftMessage.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.type != null && $Object.hasOwnProperty.call(message, "type") && message.type !== 0)
                writer.uint32(/* id 1, wireType 0 =*/8).int32(message.type);
            if (message.from != null && $Object.hasOwnProperty.call(message, "from") && (typeof message.from === "object" ? message.from.low || message.from.high : message.from !== 0))
                writer.uint32(/* id 2, wireType 0 =*/16).uint64(message.from);
            if (message.to != null && $Object.hasOwnProperty.call(message, "to") && (typeof message.to === "object" ? message.to.low || message.to.high : message.to !== 0))
                writer.uint32(/* id 3, wireType 0 =*/24).uint64(message.to);
            if (message.term != null && $Object.hasOwnProperty.call(message, "term") && (typeof message.term === "object" ? message.term.low || message.term.high : message.term !== 0))
                writer.uint32(/* id 4, wireType 0 =*/32).uint64(message.term);
            if (message.session != null && $Object.hasOwnProperty.call(message, "session") && (typeof message.session === "object" ? message.session.low || message.session.high : message.session !== 0))
                writer.uint32(/* id 5, wireType 0 =*/40).uint64(message.session);
            if (message.index != null && $Object.hasOwnProperty.call(message, "index") && (typeof message.index === "object" ? message.index.low || message.index.high : message.index !== 0))
                writer.uint32(/* id 6, wireType 0 =*/48).uint64(message.index);
            if (message.logTerm != null && $Object.hasOwnProperty.call(message, "logTerm") && (typeof message.logTerm === "object" ? message.logTerm.low || message.logTerm.high : message.logTerm !== 0))
                writer.uint32(/* id 7, wireType 0 =*/56).uint64(message.logTerm);
            if (message.commitIndex != null && $Object.hasOwnProperty.call(message, "commitIndex") && (typeof message.commitIndex === "object" ? message.commitIndex.low || message.commitIndex.high : message.commitIndex !== 0))
                writer.uint32(/* id 8, wireType 0 =*/64).uint64(message.commitIndex);
            if (message.flag != null && $Object.hasOwnProperty.call(message, "flag") && message.flag !== false)
                writer.uint32(/* id 9, wireType 0 =*/72).bool(message.flag);
            if (message.hintIndex != null && $Object.hasOwnProperty.call(message, "hintIndex") && (typeof message.hintIndex === "object" ? message.hintIndex.low || message.hintIndex.high : message.hintIndex !== 0))
                writer.uint32(/* id 10, wireType 0 =*/80).uint64(message.hintIndex);
            if (message.hintTerm != null && $Object.hasOwnProperty.call(message, "hintTerm") && (typeof message.hintTerm === "object" ? message.hintTerm.low || message.hintTerm.high : message.hintTerm !== 0))
                writer.uint32(/* id 11, wireType 0 =*/88).uint64(message.hintTerm);
            if (message.round != null && $Object.hasOwnProperty.call(message, "round") && (typeof message.round === "object" ? message.round.low || message.round.high : message.round !== 0))
                writer.uint32(/* id 12, wireType 0 =*/96).uint64(message.round);
            if (message.readId != null && $Object.hasOwnProperty.call(message, "readId") && (typeof message.readId === "object" ? message.readId.low || message.readId.high : message.readId !== 0))
                writer.uint32(/* id 13, wireType 0 =*/104).uint64(message.readId);
            if (message.entries != null && message.entries.length)
                for (let i = 0; i < message.entries.length; ++i)
                    $root.flotilla.RaftEntry.encode(message.entries[i], writer.uint32(/* id 14, wireType 2 =*/114).fork(), _depth + 1).ldelim();
            if (message.snapshot != null && $Object.hasOwnProperty.call(message, "snapshot"))
                $root.flotilla.RaftSnapshotMeta.encode(message.snapshot, writer.uint32(/* id 15, wireType 2 =*/122).fork(), _depth + 1).ldelim();
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        /**
         * Decodes a RaftMessage message from the specified reader or buffer.
         * @function decode
         * @memberof flotilla.RaftMessage
         * @static
         * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
         * @param {number} [length] Message length if known beforehand
         * @returns {flotilla.RaftMessage & flotilla.RaftMessage.$Shape} RaftMessage
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        RaftMessage.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message, value;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.flotilla.RaftMessage();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                let wireType = tag & 7;
                switch (tag >>>= 3) {
                case 1: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.int32())
                            message.type = value;
                        else
                            delete message.type;
                        continue;
                    }
                case 2: {
                        if (wireType !== 0)
                            break;
                        if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                            message.from = value;
                        else
                            delete message.from;
                        continue;
                    }
                case 3: {
                        if (wireType !== 0)
                            break;
                        if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                            message.to = value;
                        else
                            delete message.to;
                        continue;
                    }
                case 4: {
                        if (wireType !== 0)
                            break;
                        if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                            message.term = value;
                        else
                            delete message.term;
                        continue;
                    }
                case 5: {
                        if (wireType !== 0)
                            break;
                        if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                            message.session = value;
                        else
                            delete message.session;
                        continue;
                    }
                case 6: {
                        if (wireType !== 0)
                            break;
                        if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                            message.index = value;
                        else
                            delete message.index;
                        continue;
                    }
                case 7: {
                        if (wireType !== 0)
                            break;
                        if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                            message.logTerm = value;
                        else
                            delete message.logTerm;
                        continue;
                    }
                case 8: {
                        if (wireType !== 0)
                            break;
                        if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                            message.commitIndex = value;
                        else
                            delete message.commitIndex;
                        continue;
                    }
                case 9: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.bool())
                            message.flag = value;
                        else
                            delete message.flag;
                        continue;
                    }
                case 10: {
                        if (wireType !== 0)
                            break;
                        if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                            message.hintIndex = value;
                        else
                            delete message.hintIndex;
                        continue;
                    }
                case 11: {
                        if (wireType !== 0)
                            break;
                        if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                            message.hintTerm = value;
                        else
                            delete message.hintTerm;
                        continue;
                    }
                case 12: {
                        if (wireType !== 0)
                            break;
                        if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                            message.round = value;
                        else
                            delete message.round;
                        continue;
                    }
                case 13: {
                        if (wireType !== 0)
                            break;
                        if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                            message.readId = value;
                        else
                            delete message.readId;
                        continue;
                    }
                case 14: {
                        if (wireType !== 2)
                            break;
                        if (!(message.entries && message.entries.length))
                            message.entries = [];
                        message.entries.push($root.flotilla.RaftEntry.decode(reader, reader.size(), $undefined, _depth + 1));
                        continue;
                    }
                case 15: {
                        if (wireType !== 2)
                            break;
                        message.snapshot = $root.flotilla.RaftSnapshotMeta.decode(reader, reader.size(), $undefined, _depth + 1, message.snapshot);
                        continue;
                    }
                }
                reader.skipType(wireType, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        /**
         * Gets the type url for RaftMessage
         * @function getTypeUrl
         * @memberof flotilla.RaftMessage
         * @static
         * @param {string} [prefix] Custom type url prefix, defaults to `"type.googleapis.com"`
         * @returns {string} The type url
         */
        RaftMessage.getTypeUrl = function(prefix) {
            if (prefix === $undefined)
                prefix = "type.googleapis.com";
            return prefix + "/flotilla.RaftMessage";
        };

        return RaftMessage;
    })();

    return flotilla;
})();

export {
  $root as default
};
