/**
 * Reads commands from stdin as the server does: each time something can be read it takes one line, so that of two
 * lines in one write the second waits for whatever is written next. The end of the input brings out the rest.
 */
export function readCommands(onCommand: (line: string) => void, onEnd: () => void): void {
  let pending = '';
  const takeLine = () => {
    const end = pending.indexOf('\n');
    if (end === -1) return false;
    const line = pending.slice(0, end);
    pending = pending.slice(end + 1);
    onCommand(line);
    return true;
  };
  process.stdin.on('data', chunk => {
    pending += chunk;
    takeLine();
  });
  process.stdin.on('end', () => {
    while (takeLine());
    onEnd();
  });
}
