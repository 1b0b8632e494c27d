// On import, flying-squid handles stdin, with a prompt, the signals and the exit of its process, unless it detects a
// browser. This module has to be imported before it.
Object.assign(process, { browser: true });
