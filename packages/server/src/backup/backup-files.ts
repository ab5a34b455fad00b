// Directories of backups as the command line looks at them, on its own machine and without a cluster.

import {
  BackupDirectory,
  type BackupsCheck,
  type BackupView,
  listBackups,
  type Pruned,
  pruneBackups,
  tryPrune,
  type VerifyProgress,
  verifyBackups,
} from '@flotilla/storage';
import {NodeDisk} from '../adapters/index.ts';

export async function listBackupsIn(path: string): Promise<BackupView[]> {
  return listBackups(await BackupDirectory.open(new NodeDisk(path)), Date.now());
}

export async function verifyBackupsIn(
  path: string,
  options: {
    readonly id?: string | undefined;
    readonly onProgress: (progress: VerifyProgress) => void;
  },
): Promise<BackupsCheck> {
  return verifyBackups(await BackupDirectory.open(new NodeDisk(path)), options);
}

export async function pruneBackupsIn(
  path: string,
  {keep, isDryRun}: {readonly keep: number; readonly isDryRun: boolean},
): Promise<Pruned> {
  const directory = await BackupDirectory.open(new NodeDisk(path));
  const nowMs = Date.now;
  if (isDryRun) return tryPrune(directory, {keep, nowMs});
  return pruneBackups(directory, {keep, id: `prune-${process.pid}-${nowMs()}`, nowMs});
}
