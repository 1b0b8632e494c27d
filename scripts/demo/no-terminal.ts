// On import, flying-squid takes stdin, the signals and the exit of its process into its own hands, prompts included,
// unless it takes itself to be in a browser. This module has to be imported before it.
Object.assign(process, { browser: true });
