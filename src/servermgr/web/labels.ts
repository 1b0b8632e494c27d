import type { Address } from '../../config/session-config.ts';

/** As Minecraft's "Direct connection" takes it: without the port if that is the default, 25565. */
export function addressText({ host, port }: Address): string {
  return hostAndPort(host, port, 25_565);
}

/** The URL of a dashboard: without the port if that is HTTP's, 80. */
export function dashboardUrl({ host, port }: Address): string {
  return `http://${hostAndPort(host, port, 80)}`;
}

function hostAndPort(host: string, port: number, usualPort: number): string {
  const name = host.includes(':') ? `[${host}]` : host;
  return port === usualPort ? name : `${name}:${port}`;
}

/** `2 h 5 min`, `3 min 12 s`, `9 s`. */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (hours > 0) return `${hours} h ${minutes % 60} min`;
  if (minutes > 0) return `${minutes} min ${seconds % 60} s`;
  return `${seconds} s`;
}

/** `35 s`, `2 min`, `1 min 40 s`: nobody says that something takes about 2 min 0 s. */
export function roughDurationText(ms: number): string {
  return durationText(ms).replace(/ 0 (?:s|min)$/, '');
}

/** What people are asked for: `1 minute`, `30 minutes`. */
export function minutesText(minutes: number): string {
  return minutes === 1 ? '1 minute' : `${minutes} minutes`;
}

/** `12.3 MB`, in powers of ten. */
export function bytesText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  const value = bytes / 1_000 ** power;
  return `${power === 0 ? value : value.toFixed(1)} ${units[power]}`;
}

/** `1 person`, `3 people`, `about 3 people`; of nobody, whether somebody was there before. */
export function peopleText(
  people: number,
  {
    isEstimate = false,
    everJoined = false,
  }: { readonly isEstimate?: boolean; readonly everJoined?: boolean } = {},
): string {
  if (people === 0) return everJoined ? 'nobody any more' : 'nobody yet';
  const about = isEstimate ? 'about ' : '';
  return people === 1 ? `${about}1 person` : `${about}${people} people`;
}

export function agentText(isInGame: boolean | undefined): string {
  if (isInGame === undefined) return '';
  return isInGame ? 'in the game' : 'not in the game';
}

export function dollarsText(dollars: number): string {
  return `$${dollars.toFixed(dollars > 0 && dollars < 1 ? 3 : 2)}`;
}

/** `22 Nov 2026, 11:30 UTC`. */
export function momentText(ms: number): string {
  const text = new Date(ms).toLocaleString('en-GB', {
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    timeZone: 'UTC',
  });
  return `${text} UTC`;
}
