/** What is run by hand: all in one module, so that a session's own code is in fewer. */
export { amend } from './amend.ts';
export { cat } from './cat.ts';
export { commandHelp } from './command-help.ts';
export { config } from './config.ts';
export { doctor } from './doctor.ts';
export { get } from './get.ts';
export { helpText } from './help.ts';
export { ls } from './ls.ts';
export { prune } from './prune.ts';
export { recover } from './recover.ts';
export { show } from './show.ts';
export { tail } from './tail.ts';
export { verify } from './verify.ts';
