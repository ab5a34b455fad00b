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

    flotilla.Hello = (function() {

        /**
         * Properties of a Hello.
         * @typedef {Object} flotilla.Hello.$Properties
         * @property {number|null} [cluster] Hello cluster
         * @property {number|null} [node] Hello node
         * @property {number|null} [bootEpoch] Hello bootEpoch
         * @property {number|null} [versionMax] Hello versionMax
         * @property {string|null} [software] Hello software
         * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
         */

        /**
         * Properties of a Hello.
         * @memberof flotilla
         * @interface IHello
         * @augments flotilla.Hello.$Properties
         * @deprecated Use flotilla.Hello.$Properties instead.
         */

        /**
         * Shape of a Hello.
         * @typedef {flotilla.Hello.$Properties} flotilla.Hello.$Shape
         */

        /**
         * Constructs a new Hello.
         * @memberof flotilla
         * @classdesc Represents a Hello.
         * @constructor
         * @param {flotilla.Hello.$Properties=} [properties] Properties to set
         * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
         */
        const Hello = function (properties) {
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        /**
         * Hello cluster.
         * @member {number} cluster
         * @memberof flotilla.Hello
         * @instance
         */
        Hello.prototype.cluster = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

        /**
         * Hello node.
         * @member {number} node
         * @memberof flotilla.Hello
         * @instance
         */
        Hello.prototype.node = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

        /**
         * Hello bootEpoch.
         * @member {number} bootEpoch
         * @memberof flotilla.Hello
         * @instance
         */
        Hello.prototype.bootEpoch = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

        /**
         * Hello versionMax.
         * @member {number} versionMax
         * @memberof flotilla.Hello
         * @instance
         */
        Hello.prototype.versionMax = 0;

        /**
         * Hello software.
         * @member {string} software
         * @memberof flotilla.Hello
         * @instance
         */
        Hello.prototype.software = "";

        /**
         * Encodes the specified Hello message. Does not implicitly {@link flotilla.Hello.verify|verify} messages.
         * @function encode
         * @memberof flotilla.Hello
         * @static
         * @param {flotilla.Hello.$Properties} message Hello message or plain object to encode
         * @param {$protobuf.Writer} [writer] Writer to encode to
         * @returns {$protobuf.Writer} Writer
         */
        Hello.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.cluster != null && $Object.hasOwnProperty.call(message, "cluster") && (typeof message.cluster === "object" ? message.cluster.low || message.cluster.high : message.cluster !== 0))
                writer.uint32(/* id 1, wireType 0 =*/8).uint64(message.cluster);
            if (message.node != null && $Object.hasOwnProperty.call(message, "node") && (typeof message.node === "object" ? message.node.low || message.node.high : message.node !== 0))
                writer.uint32(/* id 2, wireType 0 =*/16).uint64(message.node);
            if (message.bootEpoch != null && $Object.hasOwnProperty.call(message, "bootEpoch") && (typeof message.bootEpoch === "object" ? message.bootEpoch.low || message.bootEpoch.high : message.bootEpoch !== 0))
                writer.uint32(/* id 3, wireType 0 =*/24).uint64(message.bootEpoch);
            if (message.versionMax != null && $Object.hasOwnProperty.call(message, "versionMax") && message.versionMax !== 0)
                writer.uint32(/* id 4, wireType 0 =*/32).uint32(message.versionMax);
            if (message.software != null && $Object.hasOwnProperty.call(message, "software") && message.software !== "")
                writer.uint32(/* id 5, wireType 2 =*/42).string(message.software);
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        /**
         * Decodes a Hello message from the specified reader or buffer.
         * @function decode
         * @memberof flotilla.Hello
         * @static
         * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
         * @param {number} [length] Message length if known beforehand
         * @returns {flotilla.Hello & flotilla.Hello.$Shape} Hello
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        Hello.decode = function (reader, length, _end, _depth, _target) {
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
            message = _target || new $root.flotilla.Hello();
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
                            message.cluster = value;
                        else
                            delete message.cluster;
                        continue;
                    }
                case 2: {
                        if (wireType !== 0)
                            break;
                        if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                            message.node = value;
                        else
                            delete message.node;
                        continue;
                    }
                case 3: {
                        if (wireType !== 0)
                            break;
                        if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                            message.bootEpoch = value;
                        else
                            delete message.bootEpoch;
                        continue;
                    }
                case 4: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.uint32())
                            message.versionMax = value;
                        else
                            delete message.versionMax;
                        continue;
                    }
                case 5: {
                        if (wireType !== 2)
                            break;
                        if ((value = reader.stringVerify()).length)
                            message.software = value;
                        else
                            delete message.software;
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
         * Gets the type url for Hello
         * @function getTypeUrl
         * @memberof flotilla.Hello
         * @static
         * @param {string} [prefix] Custom type url prefix, defaults to `"type.googleapis.com"`
         * @returns {string} The type url
         */
        Hello.getTypeUrl = function(prefix) {
            if (prefix === $undefined)
                prefix = "type.googleapis.com";
            return prefix + "/flotilla.Hello";
        };

        return Hello;
    })();

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

    flotilla.RpcRequest = (function() {

        /**
         * Properties of a RpcRequest.
         * @typedef {Object} flotilla.RpcRequest.$Properties
         * @property {string|null} [method] RpcRequest method
         * @property {number|null} [set] RpcRequest set
         * @property {Uint8Array|null} [payload] RpcRequest payload
         * @property {number|null} [timeoutMs] RpcRequest timeoutMs
         * @property {boolean|null} [stream] RpcRequest stream
         * @property {number|null} [creditBytes] RpcRequest creditBytes
         * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
         */

        /**
         * Properties of a RpcRequest.
         * @memberof flotilla
         * @interface IRpcRequest
         * @augments flotilla.RpcRequest.$Properties
         * @deprecated Use flotilla.RpcRequest.$Properties instead.
         */

        /**
         * Shape of a RpcRequest.
         * @typedef {flotilla.RpcRequest.$Properties} flotilla.RpcRequest.$Shape
         */

        /**
         * Constructs a new RpcRequest.
         * @memberof flotilla
         * @classdesc Represents a RpcRequest.
         * @constructor
         * @param {flotilla.RpcRequest.$Properties=} [properties] Properties to set
         * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
         */
        const RpcRequest = function (properties) {
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        /**
         * RpcRequest method.
         * @member {string} method
         * @memberof flotilla.RpcRequest
         * @instance
         */
        RpcRequest.prototype.method = "";

        /**
         * RpcRequest set.
         * @member {number} set
         * @memberof flotilla.RpcRequest
         * @instance
         */
        RpcRequest.prototype.set = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

        /**
         * RpcRequest payload.
         * @member {Uint8Array} payload
         * @memberof flotilla.RpcRequest
         * @instance
         */
        RpcRequest.prototype.payload = $util.newBuffer([]);

        /**
         * RpcRequest timeoutMs.
         * @member {number} timeoutMs
         * @memberof flotilla.RpcRequest
         * @instance
         */
        RpcRequest.prototype.timeoutMs = 0;

        /**
         * RpcRequest stream.
         * @member {boolean} stream
         * @memberof flotilla.RpcRequest
         * @instance
         */
        RpcRequest.prototype.stream = false;

        /**
         * RpcRequest creditBytes.
         * @member {number} creditBytes
         * @memberof flotilla.RpcRequest
         * @instance
         */
        RpcRequest.prototype.creditBytes = 0;

        /**
         * Encodes the specified RpcRequest message. Does not implicitly {@link flotilla.RpcRequest.verify|verify} messages.
         * @function encode
         * @memberof flotilla.RpcRequest
         * @static
         * @param {flotilla.RpcRequest.$Properties} message RpcRequest message or plain object to encode
         * @param {$protobuf.Writer} [writer] Writer to encode to
         * @returns {$protobuf.Writer} Writer
         */
        RpcRequest.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.method != null && $Object.hasOwnProperty.call(message, "method") && message.method !== "")
                writer.uint32(/* id 1, wireType 2 =*/10).string(message.method);
            if (message.set != null && $Object.hasOwnProperty.call(message, "set") && (typeof message.set === "object" ? message.set.low || message.set.high : message.set !== 0))
                writer.uint32(/* id 2, wireType 0 =*/16).uint64(message.set);
            if (message.payload != null && $Object.hasOwnProperty.call(message, "payload") && message.payload.length)
                writer.uint32(/* id 3, wireType 2 =*/26).bytes(message.payload);
            if (message.timeoutMs != null && $Object.hasOwnProperty.call(message, "timeoutMs") && message.timeoutMs !== 0)
                writer.uint32(/* id 4, wireType 0 =*/32).uint32(message.timeoutMs);
            if (message.stream != null && $Object.hasOwnProperty.call(message, "stream") && message.stream !== false)
                writer.uint32(/* id 5, wireType 0 =*/40).bool(message.stream);
            if (message.creditBytes != null && $Object.hasOwnProperty.call(message, "creditBytes") && message.creditBytes !== 0)
                writer.uint32(/* id 6, wireType 0 =*/48).uint32(message.creditBytes);
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        /**
         * Decodes a RpcRequest message from the specified reader or buffer.
         * @function decode
         * @memberof flotilla.RpcRequest
         * @static
         * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
         * @param {number} [length] Message length if known beforehand
         * @returns {flotilla.RpcRequest & flotilla.RpcRequest.$Shape} RpcRequest
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        RpcRequest.decode = function (reader, length, _end, _depth, _target) {
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
            message = _target || new $root.flotilla.RpcRequest();
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
                            message.method = value;
                        else
                            delete message.method;
                        continue;
                    }
                case 2: {
                        if (wireType !== 0)
                            break;
                        if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                            message.set = value;
                        else
                            delete message.set;
                        continue;
                    }
                case 3: {
                        if (wireType !== 2)
                            break;
                        if ((value = reader.bytes()).length)
                            message.payload = value;
                        else
                            delete message.payload;
                        continue;
                    }
                case 4: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.uint32())
                            message.timeoutMs = value;
                        else
                            delete message.timeoutMs;
                        continue;
                    }
                case 5: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.bool())
                            message.stream = value;
                        else
                            delete message.stream;
                        continue;
                    }
                case 6: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.uint32())
                            message.creditBytes = value;
                        else
                            delete message.creditBytes;
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
         * Gets the type url for RpcRequest
         * @function getTypeUrl
         * @memberof flotilla.RpcRequest
         * @static
         * @param {string} [prefix] Custom type url prefix, defaults to `"type.googleapis.com"`
         * @returns {string} The type url
         */
        RpcRequest.getTypeUrl = function(prefix) {
            if (prefix === $undefined)
                prefix = "type.googleapis.com";
            return prefix + "/flotilla.RpcRequest";
        };

        return RpcRequest;
    })();

    flotilla.RpcResponse = (function() {

        /**
         * Properties of a RpcResponse.
         * @typedef {Object} flotilla.RpcResponse.$Properties
         * @property {Uint8Array|null} [payload] RpcResponse payload
         * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
         */

        /**
         * Properties of a RpcResponse.
         * @memberof flotilla
         * @interface IRpcResponse
         * @augments flotilla.RpcResponse.$Properties
         * @deprecated Use flotilla.RpcResponse.$Properties instead.
         */

        /**
         * Shape of a RpcResponse.
         * @typedef {flotilla.RpcResponse.$Properties} flotilla.RpcResponse.$Shape
         */

        /**
         * Constructs a new RpcResponse.
         * @memberof flotilla
         * @classdesc Represents a RpcResponse.
         * @constructor
         * @param {flotilla.RpcResponse.$Properties=} [properties] Properties to set
         * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
         */
        const RpcResponse = function (properties) {
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        /**
         * RpcResponse payload.
         * @member {Uint8Array} payload
         * @memberof flotilla.RpcResponse
         * @instance
         */
        RpcResponse.prototype.payload = $util.newBuffer([]);

        /**
         * Encodes the specified RpcResponse message. Does not implicitly {@link flotilla.RpcResponse.verify|verify} messages.
         * @function encode
         * @memberof flotilla.RpcResponse
         * @static
         * @param {flotilla.RpcResponse.$Properties} message RpcResponse message or plain object to encode
         * @param {$protobuf.Writer} [writer] Writer to encode to
         * @returns {$protobuf.Writer} Writer
         */
        RpcResponse.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.payload != null && $Object.hasOwnProperty.call(message, "payload") && message.payload.length)
                writer.uint32(/* id 1, wireType 2 =*/10).bytes(message.payload);
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        /**
         * Decodes a RpcResponse message from the specified reader or buffer.
         * @function decode
         * @memberof flotilla.RpcResponse
         * @static
         * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
         * @param {number} [length] Message length if known beforehand
         * @returns {flotilla.RpcResponse & flotilla.RpcResponse.$Shape} RpcResponse
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        RpcResponse.decode = function (reader, length, _end, _depth, _target) {
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
            message = _target || new $root.flotilla.RpcResponse();
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
         * Gets the type url for RpcResponse
         * @function getTypeUrl
         * @memberof flotilla.RpcResponse
         * @static
         * @param {string} [prefix] Custom type url prefix, defaults to `"type.googleapis.com"`
         * @returns {string} The type url
         */
        RpcResponse.getTypeUrl = function(prefix) {
            if (prefix === $undefined)
                prefix = "type.googleapis.com";
            return prefix + "/flotilla.RpcResponse";
        };

        return RpcResponse;
    })();

    flotilla.RpcError = (function() {

        /**
         * Properties of a RpcError.
         * @typedef {Object} flotilla.RpcError.$Properties
         * @property {string|null} [code] RpcError code
         * @property {string|null} [message] RpcError message
         * @property {string|null} [details] RpcError details
         * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
         */

        /**
         * Properties of a RpcError.
         * @memberof flotilla
         * @interface IRpcError
         * @augments flotilla.RpcError.$Properties
         * @deprecated Use flotilla.RpcError.$Properties instead.
         */

        /**
         * Shape of a RpcError.
         * @typedef {flotilla.RpcError.$Properties} flotilla.RpcError.$Shape
         */

        /**
         * Constructs a new RpcError.
         * @memberof flotilla
         * @classdesc Represents a RpcError.
         * @constructor
         * @param {flotilla.RpcError.$Properties=} [properties] Properties to set
         * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
         */
        const RpcError = function (properties) {
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        /**
         * RpcError code.
         * @member {string} code
         * @memberof flotilla.RpcError
         * @instance
         */
        RpcError.prototype.code = "";

        /**
         * RpcError message.
         * @member {string} message
         * @memberof flotilla.RpcError
         * @instance
         */
        RpcError.prototype.message = "";

        /**
         * RpcError details.
         * @member {string} details
         * @memberof flotilla.RpcError
         * @instance
         */
        RpcError.prototype.details = "";

        /**
         * Encodes the specified RpcError message. Does not implicitly {@link flotilla.RpcError.verify|verify} messages.
         * @function encode
         * @memberof flotilla.RpcError
         * @static
         * @param {flotilla.RpcError.$Properties} message RpcError message or plain object to encode
         * @param {$protobuf.Writer} [writer] Writer to encode to
         * @returns {$protobuf.Writer} Writer
         */
        RpcError.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.code != null && $Object.hasOwnProperty.call(message, "code") && message.code !== "")
                writer.uint32(/* id 1, wireType 2 =*/10).string(message.code);
            if (message.message != null && $Object.hasOwnProperty.call(message, "message") && message.message !== "")
                writer.uint32(/* id 2, wireType 2 =*/18).string(message.message);
            if (message.details != null && $Object.hasOwnProperty.call(message, "details") && message.details !== "")
                writer.uint32(/* id 3, wireType 2 =*/26).string(message.details);
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        /**
         * Decodes a RpcError message from the specified reader or buffer.
         * @function decode
         * @memberof flotilla.RpcError
         * @static
         * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
         * @param {number} [length] Message length if known beforehand
         * @returns {flotilla.RpcError & flotilla.RpcError.$Shape} RpcError
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        RpcError.decode = function (reader, length, _end, _depth, _target) {
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
            message = _target || new $root.flotilla.RpcError();
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
                            message.code = value;
                        else
                            delete message.code;
                        continue;
                    }
                case 2: {
                        if (wireType !== 2)
                            break;
                        if ((value = reader.stringVerify()).length)
                            message.message = value;
                        else
                            delete message.message;
                        continue;
                    }
                case 3: {
                        if (wireType !== 2)
                            break;
                        if ((value = reader.stringVerify()).length)
                            message.details = value;
                        else
                            delete message.details;
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
         * Gets the type url for RpcError
         * @function getTypeUrl
         * @memberof flotilla.RpcError
         * @static
         * @param {string} [prefix] Custom type url prefix, defaults to `"type.googleapis.com"`
         * @returns {string} The type url
         */
        RpcError.getTypeUrl = function(prefix) {
            if (prefix === $undefined)
                prefix = "type.googleapis.com";
            return prefix + "/flotilla.RpcError";
        };

        return RpcError;
    })();

    flotilla.RpcStreamPiece = (function() {

        /**
         * Properties of a RpcStreamPiece.
         * @typedef {Object} flotilla.RpcStreamPiece.$Properties
         * @property {Uint8Array|null} [payload] RpcStreamPiece payload
         * @property {boolean|null} [end] RpcStreamPiece end
         * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
         */

        /**
         * Properties of a RpcStreamPiece.
         * @memberof flotilla
         * @interface IRpcStreamPiece
         * @augments flotilla.RpcStreamPiece.$Properties
         * @deprecated Use flotilla.RpcStreamPiece.$Properties instead.
         */

        /**
         * Shape of a RpcStreamPiece.
         * @typedef {flotilla.RpcStreamPiece.$Properties} flotilla.RpcStreamPiece.$Shape
         */

        /**
         * Constructs a new RpcStreamPiece.
         * @memberof flotilla
         * @classdesc Represents a RpcStreamPiece.
         * @constructor
         * @param {flotilla.RpcStreamPiece.$Properties=} [properties] Properties to set
         * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
         */
        const RpcStreamPiece = function (properties) {
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        /**
         * RpcStreamPiece payload.
         * @member {Uint8Array} payload
         * @memberof flotilla.RpcStreamPiece
         * @instance
         */
        RpcStreamPiece.prototype.payload = $util.newBuffer([]);

        /**
         * RpcStreamPiece end.
         * @member {boolean} end
         * @memberof flotilla.RpcStreamPiece
         * @instance
         */
        RpcStreamPiece.prototype.end = false;

        /**
         * Encodes the specified RpcStreamPiece message. Does not implicitly {@link flotilla.RpcStreamPiece.verify|verify} messages.
         * @function encode
         * @memberof flotilla.RpcStreamPiece
         * @static
         * @param {flotilla.RpcStreamPiece.$Properties} message RpcStreamPiece message or plain object to encode
         * @param {$protobuf.Writer} [writer] Writer to encode to
         * @returns {$protobuf.Writer} Writer
         */
        RpcStreamPiece.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.payload != null && $Object.hasOwnProperty.call(message, "payload") && message.payload.length)
                writer.uint32(/* id 1, wireType 2 =*/10).bytes(message.payload);
            if (message.end != null && $Object.hasOwnProperty.call(message, "end") && message.end !== false)
                writer.uint32(/* id 2, wireType 0 =*/16).bool(message.end);
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        /**
         * Decodes a RpcStreamPiece message from the specified reader or buffer.
         * @function decode
         * @memberof flotilla.RpcStreamPiece
         * @static
         * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
         * @param {number} [length] Message length if known beforehand
         * @returns {flotilla.RpcStreamPiece & flotilla.RpcStreamPiece.$Shape} RpcStreamPiece
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        RpcStreamPiece.decode = function (reader, length, _end, _depth, _target) {
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
            message = _target || new $root.flotilla.RpcStreamPiece();
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
                        if ((value = reader.bytes()).length)
                            message.payload = value;
                        else
                            delete message.payload;
                        continue;
                    }
                case 2: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.bool())
                            message.end = value;
                        else
                            delete message.end;
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
         * Gets the type url for RpcStreamPiece
         * @function getTypeUrl
         * @memberof flotilla.RpcStreamPiece
         * @static
         * @param {string} [prefix] Custom type url prefix, defaults to `"type.googleapis.com"`
         * @returns {string} The type url
         */
        RpcStreamPiece.getTypeUrl = function(prefix) {
            if (prefix === $undefined)
                prefix = "type.googleapis.com";
            return prefix + "/flotilla.RpcStreamPiece";
        };

        return RpcStreamPiece;
    })();

    flotilla.RpcCredit = (function() {

        /**
         * Properties of a RpcCredit.
         * @typedef {Object} flotilla.RpcCredit.$Properties
         * @property {number|null} [bytes] RpcCredit bytes
         * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
         */

        /**
         * Properties of a RpcCredit.
         * @memberof flotilla
         * @interface IRpcCredit
         * @augments flotilla.RpcCredit.$Properties
         * @deprecated Use flotilla.RpcCredit.$Properties instead.
         */

        /**
         * Shape of a RpcCredit.
         * @typedef {flotilla.RpcCredit.$Properties} flotilla.RpcCredit.$Shape
         */

        /**
         * Constructs a new RpcCredit.
         * @memberof flotilla
         * @classdesc Represents a RpcCredit.
         * @constructor
         * @param {flotilla.RpcCredit.$Properties=} [properties] Properties to set
         * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
         */
        const RpcCredit = function (properties) {
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        /**
         * RpcCredit bytes.
         * @member {number} bytes
         * @memberof flotilla.RpcCredit
         * @instance
         */
        RpcCredit.prototype.bytes = 0;

        /**
         * Encodes the specified RpcCredit message. Does not implicitly {@link flotilla.RpcCredit.verify|verify} messages.
         * @function encode
         * @memberof flotilla.RpcCredit
         * @static
         * @param {flotilla.RpcCredit.$Properties} message RpcCredit message or plain object to encode
         * @param {$protobuf.Writer} [writer] Writer to encode to
         * @returns {$protobuf.Writer} Writer
         */
        RpcCredit.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.bytes != null && $Object.hasOwnProperty.call(message, "bytes") && message.bytes !== 0)
                writer.uint32(/* id 1, wireType 0 =*/8).uint32(message.bytes);
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        /**
         * Decodes a RpcCredit message from the specified reader or buffer.
         * @function decode
         * @memberof flotilla.RpcCredit
         * @static
         * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
         * @param {number} [length] Message length if known beforehand
         * @returns {flotilla.RpcCredit & flotilla.RpcCredit.$Shape} RpcCredit
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        RpcCredit.decode = function (reader, length, _end, _depth, _target) {
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
            message = _target || new $root.flotilla.RpcCredit();
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
         * Gets the type url for RpcCredit
         * @function getTypeUrl
         * @memberof flotilla.RpcCredit
         * @static
         * @param {string} [prefix] Custom type url prefix, defaults to `"type.googleapis.com"`
         * @returns {string} The type url
         */
        RpcCredit.getTypeUrl = function(prefix) {
            if (prefix === $undefined)
                prefix = "type.googleapis.com";
            return prefix + "/flotilla.RpcCredit";
        };

        return RpcCredit;
    })();

    flotilla.RpcCancel = (function() {

        /**
         * Properties of a RpcCancel.
         * @typedef {Object} flotilla.RpcCancel.$Properties
         * @property {string|null} [reason] RpcCancel reason
         * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
         */

        /**
         * Properties of a RpcCancel.
         * @memberof flotilla
         * @interface IRpcCancel
         * @augments flotilla.RpcCancel.$Properties
         * @deprecated Use flotilla.RpcCancel.$Properties instead.
         */

        /**
         * Shape of a RpcCancel.
         * @typedef {flotilla.RpcCancel.$Properties} flotilla.RpcCancel.$Shape
         */

        /**
         * Constructs a new RpcCancel.
         * @memberof flotilla
         * @classdesc Represents a RpcCancel.
         * @constructor
         * @param {flotilla.RpcCancel.$Properties=} [properties] Properties to set
         * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
         */
        const RpcCancel = function (properties) {
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        /**
         * RpcCancel reason.
         * @member {string} reason
         * @memberof flotilla.RpcCancel
         * @instance
         */
        RpcCancel.prototype.reason = "";

        /**
         * Encodes the specified RpcCancel message. Does not implicitly {@link flotilla.RpcCancel.verify|verify} messages.
         * @function encode
         * @memberof flotilla.RpcCancel
         * @static
         * @param {flotilla.RpcCancel.$Properties} message RpcCancel message or plain object to encode
         * @param {$protobuf.Writer} [writer] Writer to encode to
         * @returns {$protobuf.Writer} Writer
         */
        RpcCancel.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.reason != null && $Object.hasOwnProperty.call(message, "reason") && message.reason !== "")
                writer.uint32(/* id 1, wireType 2 =*/10).string(message.reason);
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        /**
         * Decodes a RpcCancel message from the specified reader or buffer.
         * @function decode
         * @memberof flotilla.RpcCancel
         * @static
         * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
         * @param {number} [length] Message length if known beforehand
         * @returns {flotilla.RpcCancel & flotilla.RpcCancel.$Shape} RpcCancel
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        RpcCancel.decode = function (reader, length, _end, _depth, _target) {
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
            message = _target || new $root.flotilla.RpcCancel();
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
                            message.reason = value;
                        else
                            delete message.reason;
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
         * Gets the type url for RpcCancel
         * @function getTypeUrl
         * @memberof flotilla.RpcCancel
         * @static
         * @param {string} [prefix] Custom type url prefix, defaults to `"type.googleapis.com"`
         * @returns {string} The type url
         */
        RpcCancel.getTypeUrl = function(prefix) {
            if (prefix === $undefined)
                prefix = "type.googleapis.com";
            return prefix + "/flotilla.RpcCancel";
        };

        return RpcCancel;
    })();

    flotilla.RpcFrame = (function() {

        /**
         * Properties of a RpcFrame.
         * @typedef {Object} flotilla.RpcFrame.$Properties
         * @property {number|null} [call] RpcFrame call
         * @property {flotilla.RpcRequest.$Properties|null} [request] RpcFrame request
         * @property {flotilla.RpcResponse.$Properties|null} [response] RpcFrame response
         * @property {flotilla.RpcError.$Properties|null} [error] RpcFrame error
         * @property {flotilla.RpcStreamPiece.$Properties|null} [piece] RpcFrame piece
         * @property {flotilla.RpcCredit.$Properties|null} [credit] RpcFrame credit
         * @property {flotilla.RpcCancel.$Properties|null} [cancel] RpcFrame cancel
         * @property {"request"|"response"|"error"|"piece"|"credit"|"cancel"} [body] RpcFrame body
         * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
         */

        /**
         * Properties of a RpcFrame.
         * @memberof flotilla
         * @interface IRpcFrame
         * @augments flotilla.RpcFrame.$Properties
         * @deprecated Use flotilla.RpcFrame.$Properties instead.
         */

        /**
         * Narrowed shape of a RpcFrame.
         * @typedef {{
         *   call?: number|null;
         *   request?: flotilla.RpcRequest.$Shape|null;
         *   response?: flotilla.RpcResponse.$Shape|null;
         *   error?: flotilla.RpcError.$Shape|null;
         *   piece?: flotilla.RpcStreamPiece.$Shape|null;
         *   credit?: flotilla.RpcCredit.$Shape|null;
         *   cancel?: flotilla.RpcCancel.$Shape|null;
         *   $unknowns?: Array.<Uint8Array>;
         * } & (
         *   ({ body?: undefined; request?: null; response?: null; error?: null; piece?: null; credit?: null; cancel?: null }|{ body?: "request"; request: flotilla.RpcRequest.$Shape; response?: null; error?: null; piece?: null; credit?: null; cancel?: null }|{ body?: "response"; request?: null; response: flotilla.RpcResponse.$Shape; error?: null; piece?: null; credit?: null; cancel?: null }|{ body?: "error"; request?: null; response?: null; error: flotilla.RpcError.$Shape; piece?: null; credit?: null; cancel?: null }|{ body?: "piece"; request?: null; response?: null; error?: null; piece: flotilla.RpcStreamPiece.$Shape; credit?: null; cancel?: null }|{ body?: "credit"; request?: null; response?: null; error?: null; piece?: null; credit: flotilla.RpcCredit.$Shape; cancel?: null }|{ body?: "cancel"; request?: null; response?: null; error?: null; piece?: null; credit?: null; cancel: flotilla.RpcCancel.$Shape })
         * )} flotilla.RpcFrame.$Shape
         */

        /**
         * Constructs a new RpcFrame.
         * @memberof flotilla
         * @classdesc Represents a RpcFrame.
         * @constructor
         * @param {flotilla.RpcFrame.$Properties=} [properties] Properties to set
         * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
         */
        const RpcFrame = function (properties) {
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        /**
         * RpcFrame call.
         * @member {number} call
         * @memberof flotilla.RpcFrame
         * @instance
         */
        RpcFrame.prototype.call = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

        /**
         * RpcFrame request.
         * @member {flotilla.RpcRequest.$Properties|null|undefined} request
         * @memberof flotilla.RpcFrame
         * @instance
         */
        RpcFrame.prototype.request = null;

        /**
         * RpcFrame response.
         * @member {flotilla.RpcResponse.$Properties|null|undefined} response
         * @memberof flotilla.RpcFrame
         * @instance
         */
        RpcFrame.prototype.response = null;

        /**
         * RpcFrame error.
         * @member {flotilla.RpcError.$Properties|null|undefined} error
         * @memberof flotilla.RpcFrame
         * @instance
         */
        RpcFrame.prototype.error = null;

        /**
         * RpcFrame piece.
         * @member {flotilla.RpcStreamPiece.$Properties|null|undefined} piece
         * @memberof flotilla.RpcFrame
         * @instance
         */
        RpcFrame.prototype.piece = null;

        /**
         * RpcFrame credit.
         * @member {flotilla.RpcCredit.$Properties|null|undefined} credit
         * @memberof flotilla.RpcFrame
         * @instance
         */
        RpcFrame.prototype.credit = null;

        /**
         * RpcFrame cancel.
         * @member {flotilla.RpcCancel.$Properties|null|undefined} cancel
         * @memberof flotilla.RpcFrame
         * @instance
         */
        RpcFrame.prototype.cancel = null;

        // OneOf field names bound to virtual getters and setters
        let $oneOfFields;

        /**
         * RpcFrame body.
         * @member {"request"|"response"|"error"|"piece"|"credit"|"cancel"|undefined} body
         * @memberof flotilla.RpcFrame
         * @instance
         */
        $Object.defineProperty(RpcFrame.prototype, "body", {
            get: $util.oneOfGetter($oneOfFields = ["request", "response", "error", "piece", "credit", "cancel"]),
            set: $util.oneOfSetter($oneOfFields)
        });

        /**
         * Encodes the specified RpcFrame message. Does not implicitly {@link flotilla.RpcFrame.verify|verify} messages.
         * @function encode
         * @memberof flotilla.RpcFrame
         * @static
         * @param {flotilla.RpcFrame.$Properties} message RpcFrame message or plain object to encode
         * @param {$protobuf.Writer} [writer] Writer to encode to
         * @returns {$protobuf.Writer} Writer
         */
        RpcFrame.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.call != null && $Object.hasOwnProperty.call(message, "call") && (typeof message.call === "object" ? message.call.low || message.call.high : message.call !== 0))
                writer.uint32(/* id 1, wireType 0 =*/8).uint64(message.call);
            if (message.request != null && $Object.hasOwnProperty.call(message, "request"))
                $root.flotilla.RpcRequest.encode(message.request, writer.uint32(/* id 2, wireType 2 =*/18).fork(), _depth + 1).ldelim();
            if (message.response != null && $Object.hasOwnProperty.call(message, "response"))
                $root.flotilla.RpcResponse.encode(message.response, writer.uint32(/* id 3, wireType 2 =*/26).fork(), _depth + 1).ldelim();
            if (message.error != null && $Object.hasOwnProperty.call(message, "error"))
                $root.flotilla.RpcError.encode(message.error, writer.uint32(/* id 4, wireType 2 =*/34).fork(), _depth + 1).ldelim();
            if (message.piece != null && $Object.hasOwnProperty.call(message, "piece"))
                $root.flotilla.RpcStreamPiece.encode(message.piece, writer.uint32(/* id 5, wireType 2 =*/42).fork(), _depth + 1).ldelim();
            if (message.credit != null && $Object.hasOwnProperty.call(message, "credit"))
                $root.flotilla.RpcCredit.encode(message.credit, writer.uint32(/* id 6, wireType 2 =*/50).fork(), _depth + 1).ldelim();
            if (message.cancel != null && $Object.hasOwnProperty.call(message, "cancel"))
                $root.flotilla.RpcCancel.encode(message.cancel, writer.uint32(/* id 7, wireType 2 =*/58).fork(), _depth + 1).ldelim();
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        /**
         * Decodes a RpcFrame message from the specified reader or buffer.
         * @function decode
         * @memberof flotilla.RpcFrame
         * @static
         * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
         * @param {number} [length] Message length if known beforehand
         * @returns {flotilla.RpcFrame & flotilla.RpcFrame.$Shape} RpcFrame
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        RpcFrame.decode = function (reader, length, _end, _depth, _target) {
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
            message = _target || new $root.flotilla.RpcFrame();
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
                            message.call = value;
                        else
                            delete message.call;
                        continue;
                    }
                case 2: {
                        if (wireType !== 2)
                            break;
                        message.request = $root.flotilla.RpcRequest.decode(reader, reader.size(), $undefined, _depth + 1, message.request);
                        message.body = "request";
                        continue;
                    }
                case 3: {
                        if (wireType !== 2)
                            break;
                        message.response = $root.flotilla.RpcResponse.decode(reader, reader.size(), $undefined, _depth + 1, message.response);
                        message.body = "response";
                        continue;
                    }
                case 4: {
                        if (wireType !== 2)
                            break;
                        message.error = $root.flotilla.RpcError.decode(reader, reader.size(), $undefined, _depth + 1, message.error);
                        message.body = "error";
                        continue;
                    }
                case 5: {
                        if (wireType !== 2)
                            break;
                        message.piece = $root.flotilla.RpcStreamPiece.decode(reader, reader.size(), $undefined, _depth + 1, message.piece);
                        message.body = "piece";
                        continue;
                    }
                case 6: {
                        if (wireType !== 2)
                            break;
                        message.credit = $root.flotilla.RpcCredit.decode(reader, reader.size(), $undefined, _depth + 1, message.credit);
                        message.body = "credit";
                        continue;
                    }
                case 7: {
                        if (wireType !== 2)
                            break;
                        message.cancel = $root.flotilla.RpcCancel.decode(reader, reader.size(), $undefined, _depth + 1, message.cancel);
                        message.body = "cancel";
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
         * Gets the type url for RpcFrame
         * @function getTypeUrl
         * @memberof flotilla.RpcFrame
         * @static
         * @param {string} [prefix] Custom type url prefix, defaults to `"type.googleapis.com"`
         * @returns {string} The type url
         */
        RpcFrame.getTypeUrl = function(prefix) {
            if (prefix === $undefined)
                prefix = "type.googleapis.com";
            return prefix + "/flotilla.RpcFrame";
        };

        return RpcFrame;
    })();

    return flotilla;
})();

export {
  $root as default
};
