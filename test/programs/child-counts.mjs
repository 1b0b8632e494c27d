#!/usr/bin/env node
// Prints a number every 10 ms, for as long as it lives.
let number = 0;
setInterval(() => console.log(number++), 10);
