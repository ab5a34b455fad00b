import * as $protobuf from "protobufjs";
import Long = require("long");

/** Namespace flotilla. */
export namespace flotilla {

    /**
     * Properties of a ThreadBeat.
     * @deprecated Use flotilla.ThreadBeat.$Properties instead.
     */
    interface IThreadBeat extends flotilla.ThreadBeat.$Properties {
    }

    /** Represents a ThreadBeat. */
    class ThreadBeat {

        /**
         * Constructs a new ThreadBeat.
         * @param [properties] Properties to set
         */
        constructor(properties?: flotilla.ThreadBeat.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** ThreadBeat turnAgeMs. */
        turnAgeMs: number;

        /** ThreadBeat writeAgeMs. */
        writeAgeMs: number;

        /**
         * Encodes the specified ThreadBeat message. Does not implicitly {@link flotilla.ThreadBeat.verify|verify} messages.
         * @param message ThreadBeat message or plain object to encode
         * @param [writer] Writer to encode to
         * @returns Writer
         */
        static encode(message: flotilla.ThreadBeat.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        /**
         * Decodes a ThreadBeat message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {flotilla.ThreadBeat & flotilla.ThreadBeat.$Shape} ThreadBeat
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.ThreadBeat & flotilla.ThreadBeat.$Shape;

        /**
         * Gets the type url for ThreadBeat
         * @param [prefix] Custom type url prefix, defaults to `"type.googleapis.com"`
         * @returns The type url
         */
        static getTypeUrl(prefix?: string): string;
    }

    namespace ThreadBeat {

        /** Properties of a ThreadBeat. */
        interface $Properties {

            /** ThreadBeat turnAgeMs */
            turnAgeMs?: (number|null);

            /** ThreadBeat writeAgeMs */
            writeAgeMs?: (number|null);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Shape of a ThreadBeat. */
        type $Shape = flotilla.ThreadBeat.$Properties;
    }

    /**
     * Properties of a StoreBeat.
     * @deprecated Use flotilla.StoreBeat.$Properties instead.
     */
    interface IStoreBeat extends flotilla.StoreBeat.$Properties {
    }

    /** Represents a StoreBeat. */
    class StoreBeat {

        /**
         * Constructs a new StoreBeat.
         * @param [properties] Properties to set
         */
        constructor(properties?: flotilla.StoreBeat.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** StoreBeat store. */
        store: number;

        /** StoreBeat durableRecord. */
        durableRecord: number;

        /** StoreBeat isFull. */
        isFull: boolean;

        /**
         * Encodes the specified StoreBeat message. Does not implicitly {@link flotilla.StoreBeat.verify|verify} messages.
         * @param message StoreBeat message or plain object to encode
         * @param [writer] Writer to encode to
         * @returns Writer
         */
        static encode(message: flotilla.StoreBeat.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        /**
         * Decodes a StoreBeat message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {flotilla.StoreBeat & flotilla.StoreBeat.$Shape} StoreBeat
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.StoreBeat & flotilla.StoreBeat.$Shape;

        /**
         * Gets the type url for StoreBeat
         * @param [prefix] Custom type url prefix, defaults to `"type.googleapis.com"`
         * @returns The type url
         */
        static getTypeUrl(prefix?: string): string;
    }

    namespace StoreBeat {

        /** Properties of a StoreBeat. */
        interface $Properties {

            /** StoreBeat store */
            store?: (number|null);

            /** StoreBeat durableRecord */
            durableRecord?: (number|null);

            /** StoreBeat isFull */
            isFull?: (boolean|null);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Shape of a StoreBeat. */
        type $Shape = flotilla.StoreBeat.$Properties;
    }

    /**
     * Properties of a Beat.
     * @deprecated Use flotilla.Beat.$Properties instead.
     */
    interface IBeat extends flotilla.Beat.$Properties {
    }

    /** Represents a Beat. */
    class Beat {

        /**
         * Constructs a new Beat.
         * @param [properties] Properties to set
         */
        constructor(properties?: flotilla.Beat.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** Beat bootEpoch. */
        bootEpoch: number;

        /** Beat sequence. */
        sequence: number;

        /** Beat threads. */
        threads: flotilla.ThreadBeat.$Properties[];

        /** Beat stores. */
        stores: flotilla.StoreBeat.$Properties[];

        /** Beat wallMs. */
        wallMs: number;

        /** Beat silentMs. */
        silentMs: number;

        /** Beat life. */
        life: number;

        /**
         * Encodes the specified Beat message. Does not implicitly {@link flotilla.Beat.verify|verify} messages.
         * @param message Beat message or plain object to encode
         * @param [writer] Writer to encode to
         * @returns Writer
         */
        static encode(message: flotilla.Beat.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        /**
         * Decodes a Beat message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {flotilla.Beat & flotilla.Beat.$Shape} Beat
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.Beat & flotilla.Beat.$Shape;

        /**
         * Gets the type url for Beat
         * @param [prefix] Custom type url prefix, defaults to `"type.googleapis.com"`
         * @returns The type url
         */
        static getTypeUrl(prefix?: string): string;
    }

    namespace Beat {

        /** Properties of a Beat. */
        interface $Properties {

            /** Beat bootEpoch */
            bootEpoch?: (number|null);

            /** Beat sequence */
            sequence?: (number|null);

            /** Beat threads */
            threads?: (flotilla.ThreadBeat.$Properties[]|null);

            /** Beat stores */
            stores?: (flotilla.StoreBeat.$Properties[]|null);

            /** Beat wallMs */
            wallMs?: (number|null);

            /** Beat silentMs */
            silentMs?: (number|null);

            /** Beat life */
            life?: (number|null);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Shape of a Beat. */
        type $Shape = flotilla.Beat.$Properties;
    }

    /**
     * Properties of a SnapshotFileMeta.
     * @deprecated Use flotilla.SnapshotFileMeta.$Properties instead.
     */
    interface ISnapshotFileMeta extends flotilla.SnapshotFileMeta.$Properties {
    }

    /** Represents a SnapshotFileMeta. */
    class SnapshotFileMeta {

        /**
         * Constructs a new SnapshotFileMeta.
         * @param [properties] Properties to set
         */
        constructor(properties?: flotilla.SnapshotFileMeta.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** SnapshotFileMeta name. */
        name: string;

        /** SnapshotFileMeta bytes. */
        bytes: number;

        /**
         * Encodes the specified SnapshotFileMeta message. Does not implicitly {@link flotilla.SnapshotFileMeta.verify|verify} messages.
         * @param message SnapshotFileMeta message or plain object to encode
         * @param [writer] Writer to encode to
         * @returns Writer
         */
        static encode(message: flotilla.SnapshotFileMeta.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        /**
         * Decodes a SnapshotFileMeta message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {flotilla.SnapshotFileMeta & flotilla.SnapshotFileMeta.$Shape} SnapshotFileMeta
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.SnapshotFileMeta & flotilla.SnapshotFileMeta.$Shape;

        /**
         * Gets the type url for SnapshotFileMeta
         * @param [prefix] Custom type url prefix, defaults to `"type.googleapis.com"`
         * @returns The type url
         */
        static getTypeUrl(prefix?: string): string;
    }

    namespace SnapshotFileMeta {

        /** Properties of a SnapshotFileMeta. */
        interface $Properties {

            /** SnapshotFileMeta name */
            name?: (string|null);

            /** SnapshotFileMeta bytes */
            bytes?: (number|null);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Shape of a SnapshotFileMeta. */
        type $Shape = flotilla.SnapshotFileMeta.$Properties;
    }

    /**
     * Properties of a SnapshotBegin.
     * @deprecated Use flotilla.SnapshotBegin.$Properties instead.
     */
    interface ISnapshotBegin extends flotilla.SnapshotBegin.$Properties {
    }

    /** Represents a SnapshotBegin. */
    class SnapshotBegin {

        /**
         * Constructs a new SnapshotBegin.
         * @param [properties] Properties to set
         */
        constructor(properties?: flotilla.SnapshotBegin.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** SnapshotBegin transfer. */
        transfer: number;

        /** SnapshotBegin message. */
        message?: (flotilla.RaftMessage.$Properties|null);

        /** SnapshotBegin files. */
        files: flotilla.SnapshotFileMeta.$Properties[];

        /**
         * Encodes the specified SnapshotBegin message. Does not implicitly {@link flotilla.SnapshotBegin.verify|verify} messages.
         * @param message SnapshotBegin message or plain object to encode
         * @param [writer] Writer to encode to
         * @returns Writer
         */
        static encode(message: flotilla.SnapshotBegin.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        /**
         * Decodes a SnapshotBegin message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {flotilla.SnapshotBegin & flotilla.SnapshotBegin.$Shape} SnapshotBegin
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.SnapshotBegin & flotilla.SnapshotBegin.$Shape;

        /**
         * Gets the type url for SnapshotBegin
         * @param [prefix] Custom type url prefix, defaults to `"type.googleapis.com"`
         * @returns The type url
         */
        static getTypeUrl(prefix?: string): string;
    }

    namespace SnapshotBegin {

        /** Properties of a SnapshotBegin. */
        interface $Properties {

            /** SnapshotBegin transfer */
            transfer?: (number|null);

            /** SnapshotBegin message */
            message?: (flotilla.RaftMessage.$Properties|null);

            /** SnapshotBegin files */
            files?: (flotilla.SnapshotFileMeta.$Properties[]|null);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Shape of a SnapshotBegin. */
        type $Shape = flotilla.SnapshotBegin.$Properties;
    }

    /**
     * Properties of a SnapshotChunk.
     * @deprecated Use flotilla.SnapshotChunk.$Properties instead.
     */
    interface ISnapshotChunk extends flotilla.SnapshotChunk.$Properties {
    }

    /** Represents a SnapshotChunk. */
    class SnapshotChunk {

        /**
         * Constructs a new SnapshotChunk.
         * @param [properties] Properties to set
         */
        constructor(properties?: flotilla.SnapshotChunk.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** SnapshotChunk transfer. */
        transfer: number;

        /** SnapshotChunk file. */
        file: number;

        /** SnapshotChunk offset. */
        offset: number;

        /** SnapshotChunk payload. */
        payload: Uint8Array;

        /** SnapshotChunk crc. */
        crc: number;

        /**
         * Encodes the specified SnapshotChunk message. Does not implicitly {@link flotilla.SnapshotChunk.verify|verify} messages.
         * @param message SnapshotChunk message or plain object to encode
         * @param [writer] Writer to encode to
         * @returns Writer
         */
        static encode(message: flotilla.SnapshotChunk.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        /**
         * Decodes a SnapshotChunk message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {flotilla.SnapshotChunk & flotilla.SnapshotChunk.$Shape} SnapshotChunk
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.SnapshotChunk & flotilla.SnapshotChunk.$Shape;

        /**
         * Gets the type url for SnapshotChunk
         * @param [prefix] Custom type url prefix, defaults to `"type.googleapis.com"`
         * @returns The type url
         */
        static getTypeUrl(prefix?: string): string;
    }

    namespace SnapshotChunk {

        /** Properties of a SnapshotChunk. */
        interface $Properties {

            /** SnapshotChunk transfer */
            transfer?: (number|null);

            /** SnapshotChunk file */
            file?: (number|null);

            /** SnapshotChunk offset */
            offset?: (number|null);

            /** SnapshotChunk payload */
            payload?: (Uint8Array|null);

            /** SnapshotChunk crc */
            crc?: (number|null);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Shape of a SnapshotChunk. */
        type $Shape = flotilla.SnapshotChunk.$Properties;
    }

    /**
     * Properties of a SnapshotAck.
     * @deprecated Use flotilla.SnapshotAck.$Properties instead.
     */
    interface ISnapshotAck extends flotilla.SnapshotAck.$Properties {
    }

    /** Represents a SnapshotAck. */
    class SnapshotAck {

        /**
         * Constructs a new SnapshotAck.
         * @param [properties] Properties to set
         */
        constructor(properties?: flotilla.SnapshotAck.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** SnapshotAck transfer. */
        transfer: number;

        /** SnapshotAck position. */
        position: number;

        /** SnapshotAck state. */
        state: flotilla.SnapshotAck.State;

        /**
         * Encodes the specified SnapshotAck message. Does not implicitly {@link flotilla.SnapshotAck.verify|verify} messages.
         * @param message SnapshotAck message or plain object to encode
         * @param [writer] Writer to encode to
         * @returns Writer
         */
        static encode(message: flotilla.SnapshotAck.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        /**
         * Decodes a SnapshotAck message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {flotilla.SnapshotAck & flotilla.SnapshotAck.$Shape} SnapshotAck
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.SnapshotAck & flotilla.SnapshotAck.$Shape;

        /**
         * Gets the type url for SnapshotAck
         * @param [prefix] Custom type url prefix, defaults to `"type.googleapis.com"`
         * @returns The type url
         */
        static getTypeUrl(prefix?: string): string;
    }

    namespace SnapshotAck {

        /** Properties of a SnapshotAck. */
        interface $Properties {

            /** SnapshotAck transfer */
            transfer?: (number|null);

            /** SnapshotAck position */
            position?: (number|null);

            /** SnapshotAck state */
            state?: (flotilla.SnapshotAck.State|null);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Shape of a SnapshotAck. */
        type $Shape = flotilla.SnapshotAck.$Properties;

        /** State enum. */
        enum State {

            /** RECEIVING value */
            RECEIVING = 0,

            /** STAGED value */
            STAGED = 1,

            /** REFUSED value */
            REFUSED = 2
        }
    }

    /** RaftMessageType enum. */
    enum RaftMessageType {

        /** RAFT_MESSAGE_TYPE_UNSPECIFIED value */
        RAFT_MESSAGE_TYPE_UNSPECIFIED = 0,

        /** APPEND value */
        APPEND = 1,

        /** APPEND_REPLY value */
        APPEND_REPLY = 2,

        /** VOTE value */
        VOTE = 3,

        /** VOTE_REPLY value */
        VOTE_REPLY = 4,

        /** PRE_VOTE value */
        PRE_VOTE = 5,

        /** PRE_VOTE_REPLY value */
        PRE_VOTE_REPLY = 6,

        /** HEARTBEAT value */
        HEARTBEAT = 7,

        /** HEARTBEAT_REPLY value */
        HEARTBEAT_REPLY = 8,

        /** SNAPSHOT value */
        SNAPSHOT = 9,

        /** TIMEOUT_NOW value */
        TIMEOUT_NOW = 10,

        /** READ_INDEX value */
        READ_INDEX = 11,

        /** READ_INDEX_REPLY value */
        READ_INDEX_REPLY = 12
    }

    /** RaftEntryType enum. */
    enum RaftEntryType {

        /** NORMAL value */
        NORMAL = 0,

        /** CONFIG value */
        CONFIG = 1,

        /** NOOP value */
        NOOP = 2
    }

    /**
     * Properties of a RaftEntry.
     * @deprecated Use flotilla.RaftEntry.$Properties instead.
     */
    interface IRaftEntry extends flotilla.RaftEntry.$Properties {
    }

    /** Represents a RaftEntry. */
    class RaftEntry {

        /**
         * Constructs a new RaftEntry.
         * @param [properties] Properties to set
         */
        constructor(properties?: flotilla.RaftEntry.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** RaftEntry term. */
        term: number;

        /** RaftEntry index. */
        index: number;

        /** RaftEntry type. */
        type: flotilla.RaftEntryType;

        /** RaftEntry payload. */
        payload: Uint8Array;

        /**
         * Encodes the specified RaftEntry message. Does not implicitly {@link flotilla.RaftEntry.verify|verify} messages.
         * @param message RaftEntry message or plain object to encode
         * @param [writer] Writer to encode to
         * @returns Writer
         */
        static encode(message: flotilla.RaftEntry.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        /**
         * Decodes a RaftEntry message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {flotilla.RaftEntry & flotilla.RaftEntry.$Shape} RaftEntry
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.RaftEntry & flotilla.RaftEntry.$Shape;

        /**
         * Gets the type url for RaftEntry
         * @param [prefix] Custom type url prefix, defaults to `"type.googleapis.com"`
         * @returns The type url
         */
        static getTypeUrl(prefix?: string): string;
    }

    namespace RaftEntry {

        /** Properties of a RaftEntry. */
        interface $Properties {

            /** RaftEntry term */
            term?: (number|null);

            /** RaftEntry index */
            index?: (number|null);

            /** RaftEntry type */
            type?: (flotilla.RaftEntryType|null);

            /** RaftEntry payload */
            payload?: (Uint8Array|null);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Shape of a RaftEntry. */
        type $Shape = flotilla.RaftEntry.$Properties;
    }

    /**
     * Properties of a RaftConfiguration.
     * @deprecated Use flotilla.RaftConfiguration.$Properties instead.
     */
    interface IRaftConfiguration extends flotilla.RaftConfiguration.$Properties {
    }

    /** Represents a RaftConfiguration. */
    class RaftConfiguration {

        /**
         * Constructs a new RaftConfiguration.
         * @param [properties] Properties to set
         */
        constructor(properties?: flotilla.RaftConfiguration.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** RaftConfiguration voters. */
        voters: number[];

        /** RaftConfiguration votersOutgoing. */
        votersOutgoing: number[];

        /** RaftConfiguration learners. */
        learners: number[];

        /** RaftConfiguration learnersNext. */
        learnersNext: number[];

        /** RaftConfiguration autoLeave. */
        autoLeave: boolean;

        /**
         * Encodes the specified RaftConfiguration message. Does not implicitly {@link flotilla.RaftConfiguration.verify|verify} messages.
         * @param message RaftConfiguration message or plain object to encode
         * @param [writer] Writer to encode to
         * @returns Writer
         */
        static encode(message: flotilla.RaftConfiguration.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        /**
         * Decodes a RaftConfiguration message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {flotilla.RaftConfiguration & flotilla.RaftConfiguration.$Shape} RaftConfiguration
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.RaftConfiguration & flotilla.RaftConfiguration.$Shape;

        /**
         * Gets the type url for RaftConfiguration
         * @param [prefix] Custom type url prefix, defaults to `"type.googleapis.com"`
         * @returns The type url
         */
        static getTypeUrl(prefix?: string): string;
    }

    namespace RaftConfiguration {

        /** Properties of a RaftConfiguration. */
        interface $Properties {

            /** RaftConfiguration voters */
            voters?: (number[]|null);

            /** RaftConfiguration votersOutgoing */
            votersOutgoing?: (number[]|null);

            /** RaftConfiguration learners */
            learners?: (number[]|null);

            /** RaftConfiguration learnersNext */
            learnersNext?: (number[]|null);

            /** RaftConfiguration autoLeave */
            autoLeave?: (boolean|null);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Shape of a RaftConfiguration. */
        type $Shape = flotilla.RaftConfiguration.$Properties;
    }

    /**
     * Properties of a RaftSnapshotMeta.
     * @deprecated Use flotilla.RaftSnapshotMeta.$Properties instead.
     */
    interface IRaftSnapshotMeta extends flotilla.RaftSnapshotMeta.$Properties {
    }

    /** Represents a RaftSnapshotMeta. */
    class RaftSnapshotMeta {

        /**
         * Constructs a new RaftSnapshotMeta.
         * @param [properties] Properties to set
         */
        constructor(properties?: flotilla.RaftSnapshotMeta.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** RaftSnapshotMeta index. */
        index: number;

        /** RaftSnapshotMeta term. */
        term: number;

        /** RaftSnapshotMeta configuration. */
        configuration?: (flotilla.RaftConfiguration.$Properties|null);

        /** RaftSnapshotMeta configIndex. */
        configIndex: number;

        /**
         * Encodes the specified RaftSnapshotMeta message. Does not implicitly {@link flotilla.RaftSnapshotMeta.verify|verify} messages.
         * @param message RaftSnapshotMeta message or plain object to encode
         * @param [writer] Writer to encode to
         * @returns Writer
         */
        static encode(message: flotilla.RaftSnapshotMeta.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        /**
         * Decodes a RaftSnapshotMeta message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {flotilla.RaftSnapshotMeta & flotilla.RaftSnapshotMeta.$Shape} RaftSnapshotMeta
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.RaftSnapshotMeta & flotilla.RaftSnapshotMeta.$Shape;

        /**
         * Gets the type url for RaftSnapshotMeta
         * @param [prefix] Custom type url prefix, defaults to `"type.googleapis.com"`
         * @returns The type url
         */
        static getTypeUrl(prefix?: string): string;
    }

    namespace RaftSnapshotMeta {

        /** Properties of a RaftSnapshotMeta. */
        interface $Properties {

            /** RaftSnapshotMeta index */
            index?: (number|null);

            /** RaftSnapshotMeta term */
            term?: (number|null);

            /** RaftSnapshotMeta configuration */
            configuration?: (flotilla.RaftConfiguration.$Properties|null);

            /** RaftSnapshotMeta configIndex */
            configIndex?: (number|null);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Shape of a RaftSnapshotMeta. */
        type $Shape = flotilla.RaftSnapshotMeta.$Properties;
    }

    /**
     * Properties of a RaftMessage.
     * @deprecated Use flotilla.RaftMessage.$Properties instead.
     */
    interface IRaftMessage extends flotilla.RaftMessage.$Properties {
    }

    /** Represents a RaftMessage. */
    class RaftMessage {

        /**
         * Constructs a new RaftMessage.
         * @param [properties] Properties to set
         */
        constructor(properties?: flotilla.RaftMessage.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** RaftMessage type. */
        type: flotilla.RaftMessageType;

        /** RaftMessage from. */
        from: number;

        /** RaftMessage to. */
        to: number;

        /** RaftMessage term. */
        term: number;

        /** RaftMessage session. */
        session: number;

        /** RaftMessage index. */
        index: number;

        /** RaftMessage logTerm. */
        logTerm: number;

        /** RaftMessage commitIndex. */
        commitIndex: number;

        /** RaftMessage flag. */
        flag: boolean;

        /** RaftMessage hintIndex. */
        hintIndex: number;

        /** RaftMessage hintTerm. */
        hintTerm: number;

        /** RaftMessage round. */
        round: number;

        /** RaftMessage readId. */
        readId: number;

        /** RaftMessage entries. */
        entries: flotilla.RaftEntry.$Properties[];

        /** RaftMessage snapshot. */
        snapshot?: (flotilla.RaftSnapshotMeta.$Properties|null);

        /**
         * Encodes the specified RaftMessage message. Does not implicitly {@link flotilla.RaftMessage.verify|verify} messages.
         * @param message RaftMessage message or plain object to encode
         * @param [writer] Writer to encode to
         * @returns Writer
         */
        static encode(message: flotilla.RaftMessage.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        /**
         * Decodes a RaftMessage message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {flotilla.RaftMessage & flotilla.RaftMessage.$Shape} RaftMessage
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.RaftMessage & flotilla.RaftMessage.$Shape;

        /**
         * Gets the type url for RaftMessage
         * @param [prefix] Custom type url prefix, defaults to `"type.googleapis.com"`
         * @returns The type url
         */
        static getTypeUrl(prefix?: string): string;
    }

    namespace RaftMessage {

        /** Properties of a RaftMessage. */
        interface $Properties {

            /** RaftMessage type */
            type?: (flotilla.RaftMessageType|null);

            /** RaftMessage from */
            from?: (number|null);

            /** RaftMessage to */
            to?: (number|null);

            /** RaftMessage term */
            term?: (number|null);

            /** RaftMessage session */
            session?: (number|null);

            /** RaftMessage index */
            index?: (number|null);

            /** RaftMessage logTerm */
            logTerm?: (number|null);

            /** RaftMessage commitIndex */
            commitIndex?: (number|null);

            /** RaftMessage flag */
            flag?: (boolean|null);

            /** RaftMessage hintIndex */
            hintIndex?: (number|null);

            /** RaftMessage hintTerm */
            hintTerm?: (number|null);

            /** RaftMessage round */
            round?: (number|null);

            /** RaftMessage readId */
            readId?: (number|null);

            /** RaftMessage entries */
            entries?: (flotilla.RaftEntry.$Properties[]|null);

            /** RaftMessage snapshot */
            snapshot?: (flotilla.RaftSnapshotMeta.$Properties|null);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Shape of a RaftMessage. */
        type $Shape = flotilla.RaftMessage.$Properties;
    }
}
