export {runCommandLine} from './program.ts';
export {EXIT, type Terminal} from './terminal.ts';
