#!/usr/bin/env node
// Lives, and listens to nobody.
import { stayAlive } from '../support/program.ts';

stayAlive();
console.log('starting for ever');
