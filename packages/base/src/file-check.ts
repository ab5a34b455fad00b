// What a look at files tells while it reads them: the node that they are of does not run.

import type {FatalError} from './errors.ts';

/** Something in a file that its node cannot have written there, or that it cannot do without. */
export interface FileFault {
  /** Below the root of the disk. */
  readonly file: string;
  /** Of the first byte concerned, where it is known. */
  readonly offset?: number | undefined;
  readonly message: string;
}

export interface FileCheck {
  fault(fault: FileFault): void;
  /** So many bytes of the file are read, beyond those that were told. */
  read(file: string, bytes: number): void;
}

/** A disk that cannot be asked is told to `unreadable`: that says nothing of what it holds. */
export interface ReadingCheck extends FileCheck {
  unreadable(file: string, error: FatalError): void;
}
