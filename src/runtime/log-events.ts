/** A kind of log line. docs/log-events.md is made of these. */
export interface LogEvent {
  /** The levels at which it is written; the first one is the usual one. */
  readonly levels: readonly EventLevel[];
  readonly meaning: string;
  /** What an operator does about it; empty: nothing. */
  readonly action: string;
  /** Fields besides `level`, `time`, `event` and `msg`: name to meaning. */
  readonly fields: Readonly<Record<string, string>>;
}

export type EventLevel = 'debug' | 'info' | 'warn' | 'error';

const ERR = { err: 'the error: type, message, stack, causes' } as const;
const CHILD = { child: 'server, agent or setup', pid: 'its process ID' } as const;

/** Every event of the supervisor, in the order in which a session meets them. */
export const SESSION_EVENTS = {
  session_started: {
    levels: ['info'],
    meaning: 'A session begins.',
    action: '',
    fields: {
      session: "the session's name, its TIMESTAMP",
      workdir: 'the working directory',
      deflate: 'what will compress its archive',
    },
  },
  notice: {
    levels: ['warn'],
    meaning: 'Something about the configuration or the working directory is odd, and the session goes on.',
    action: 'Read the text: it says what was found and what was done instead.',
    fields: {},
  },
  workdir_not_locked: {
    levels: ['warn'],
    meaning: 'The working directory could not be locked: a second session that begins in it is not kept out.',
    action: 'Give each session a SESSION_WORKDIR of its own.',
    fields: ERR,
  },
  control_socket_unavailable: {
    levels: ['warn'],
    meaning: 'The control socket could not be opened: `console` and `health` do not reach this session.',
    action: 'Make the working directory writable for the supervisor.',
    fields: ERR,
  },
  ecs_metadata_unavailable: {
    levels: ['warn'],
    meaning: "The task's metadata endpoint did not answer: the report lacks where the session ran.",
    action: '',
    fields: ERR,
  },
  phase_started: {
    levels: ['info'],
    meaning: 'The session enters its next phase.',
    action: '',
    fields: { phase: 'setup, starting, playing, stopping or saving' },
  },
  webhook_retry: {
    levels: ['warn'],
    meaning:
      'What SESSION_WEBHOOK_URL is to be told was not taken, and is sent again. Told once, until one is taken.',
    action: 'If `webhook_recovered` does not follow, see that the receiver answers with 2xx.',
    fields: {
      webhook: 'the webhook-id of the message',
      type: 'of what event',
      why: 'the status, or why there was none, without the host',
    },
  },
  webhook_recovered: {
    levels: ['info'],
    meaning: 'What SESSION_WEBHOOK_URL is told is taken again.',
    action: '',
    fields: {},
  },
  webhook_undelivered: {
    levels: ['warn'],
    meaning:
      'SESSION_WEBHOOK_URL was not told something: the session is over, and its time; or the receiver has answered with 410.',
    action: 'See that the receiver answers with 2xx; the report tells what it was not told.',
    fields: {
      webhook: 'the webhook-id of the message',
      type: 'of what event',
      why: 'the last status, or why there was none, without the host',
      attempts: 'how often it was sent',
    },
  },
  heartbeat_failed: {
    levels: ['warn'],
    meaning:
      'SESSION_HEARTBEAT_URL did not take a heartbeat; the next one comes. Told once, until one is taken.',
    action: 'If `heartbeat_recovered` does not follow, see whether it can be reached from here.',
    fields: { why: 'the status, or why there was none, without the host' },
  },
  heartbeat_recovered: {
    levels: ['info'],
    meaning: 'SESSION_HEARTBEAT_URL takes heartbeats again.',
    action: '',
    fields: {},
  },
  metrics_unavailable: {
    levels: ['warn'],
    meaning: 'There are no metrics at SESSION_METRICS_ADDRESS; the session goes on.',
    action: 'Write an address of this machine, and a port that is free.',
    fields: { ...ERR, address: 'where they should be' },
  },
  destination_unavailable: {
    levels: ['warn'],
    meaning: 'A destination did not answer at the start; it is tried again at the end.',
    action: 'Check that the store is up before the session ends.',
    fields: { url: 'the destination', why: 'what it answered' },
  },
  request_retry: {
    levels: ['warn'],
    meaning: 'A request to the store failed and is repeated. Told once, until the store answers again.',
    action: 'If `request_recovered` does not follow, check the store and the network.',
    fields: {
      request: 'what was requested, e.g. `part 3 of logs.tar.gz`',
      why: 'why it failed',
      waitMs: 'how long until it is repeated; missing: it is not repeated',
    },
  },
  request_recovered: {
    levels: ['info'],
    meaning: 'The store answers again: no request fails any more.',
    action: '',
    fields: {
      retries: 'how many attempts failed, those of all requests',
      afterMs: 'how long ago the first one failed',
    },
  },
  region_followed: {
    levels: ['warn'],
    meaning: 'The bucket is in another region than the one that is configured: requests go there.',
    action: 'Set AWS_REGION to the region of the bucket: each program then needs a request less.',
    fields: { bucket: 'its name', configured: 'the region configured', actual: 'where the bucket is' },
  },
  clock_off: {
    levels: ['warn'],
    meaning:
      "This machine's clock and the store's differ by 4 minutes or more: requests are signed by the store's.",
    action: "Set the machine's clock: the times in logs and reports are its own.",
    fields: { aheadMs: "what the store's clock is ahead, in ms; negative: behind" },
  },
  supervisor_log_unwritable: {
    levels: ['error'],
    meaning: 'supervisor.log could not be opened: the archive has no log of the supervisor.',
    action: 'Save the console output; make the working directory writable, and free of links and pipes.',
    fields: { ...ERR, file: 'its path' },
  },
  console_stuck: {
    levels: ['warn'],
    meaning:
      'At the end of the session lines wait for the console: nobody reads it, a terminal is stopped by Ctrl-S, or its disk is full. The session does not wait for it.',
    action: 'See to it that somebody reads stdout; supervisor.log has the lines of the log.',
    fields: { lines: 'how many wait' },
  },
  log_lines_lost: {
    levels: ['warn'],
    meaning: 'Lines of the log, or of the echo, did not reach one of the two places where they go.',
    action:
      'Look at the other one: the console, or supervisor.log. See to it that the console is read, and that the disk has room.',
    fields: {
      output: 'the console, or supervisor.log',
      lines: 'how many since this was told last',
      why: 'nobody read them in time, or the error of the system',
    },
  },
  name_claimed: {
    levels: ['info'],
    meaning:
      'The session has a name of its own at a destination: TIMESTAMP, or with .2, .3 … where that is taken.',
    action: '',
    fields: { session: 'the name', url: 'the destination', conditions: 'honoured, ignored or refused' },
  },
  name_not_claimed: {
    levels: ['info'],
    meaning: 'The session could not claim its name yet; it goes on trying, and nothing is written before.',
    action: 'If it goes on, check the store and the network.',
    fields: { why: 'why not', url: 'the destination' },
  },
  journal_unavailable: {
    levels: ['error'],
    meaning: 'The journal could not be started: what is recorded is safe only once the archive is saved.',
    action: 'Check the destination and its rights; `doctor` tells which.',
    fields: ERR,
  },
  journal_prefix_taken: {
    levels: ['info'],
    meaning: 'The journal of another run of this session is at the prefix; this one uses the next name.',
    action: 'Recover the other one, if its session was not saved.',
    fields: { prefix: 'the prefix that is taken' },
  },
  journal_fenced: {
    levels: ['warn'],
    meaning:
      'A recovery has the journal; the session goes on with another one, which begins with all that is on disk.',
    action: 'Find out who recovers a session that runs, or why it could not reach the store for minutes.',
    fields: { prefix: 'the journal that the recovery has', why: 'what is in the way of the next segment' },
  },
  journal_upload_failing: {
    levels: ['info'],
    meaning: 'The journal cannot be uploaded; it goes on trying, and what is not uploaded stays on disk.',
    action: 'If it goes on, check the store and the network.',
    fields: { why: 'why it failed' },
  },
  journal_upload_recovered: {
    levels: ['info'],
    meaning: 'The journal is uploaded again.',
    action: '',
    fields: { afterMs: 'how long it had failed' },
  },
  journal_file_unreadable: {
    levels: ['warn'],
    meaning: 'The journal cannot read a file.',
    action: 'Make the file readable, or leave it out with SESSION_JOURNAL_EXCLUDE.',
    fields: { path: 'relative to the working directory', why: 'why it cannot be read' },
  },
  journal_scan_failed: {
    levels: ['warn'],
    meaning: 'The journal cannot list the working directory; it tries again.',
    action: 'Make the working directory readable for the supervisor.',
    fields: { why: 'why it cannot be listed' },
  },
  journal_refused: {
    levels: ['error'],
    meaning: 'The store will not take the journal, and it has ended: the session goes on without it.',
    action: 'See the text; what is recorded is safe only once the archive is saved.',
    fields: { why: 'what the store answers' },
  },
  journal_stopped: {
    levels: ['error'],
    meaning: 'The journal has stopped by an internal error; the archive does not need it.',
    action: 'Report it as a bug, with the text.',
    fields: { why: 'the error' },
  },
  process_started: {
    levels: ['info'],
    meaning: 'A child process was started.',
    action: '',
    fields: CHILD,
  },
  process_exited: {
    levels: ['info'],
    meaning: 'A child process has ended.',
    action: '',
    fields: {
      child: CHILD.child,
      code: 'its exit code',
      signal: 'the signal that ended it',
      failedToStart: 'why it could not be started',
    },
  },
  server_ready: {
    levels: ['info'],
    meaning: 'The server answered the Server List Ping.',
    action: '',
    fields: { version: 'what the server calls itself', protocol: 'its protocol number' },
  },
  server_unresponsive: {
    levels: ['warn'],
    meaning:
      'The server did not answer the status ping, or answers while its world stands still; after SESSION_LIVENESS_TIMEOUT it counts as hung.',
    action: 'Look at cuberite_process.log.',
    fields: { why: 'what was answered' },
  },
  agent_joined: {
    levels: ['info'],
    meaning: 'A process of the session has a connection to the game: the agent plays.',
    action: '',
    fields: {},
  },
  agent_left: {
    levels: ['warn'],
    meaning: 'The agent was in the game, and has no connection to it any more; people play on.',
    action: 'Look at agent.log, if it does not come back.',
    fields: {},
  },
  server_stack_recorded: {
    levels: ['info'],
    meaning:
      'What the threads of a server that has hung were doing is in a file of the working directory: in the kernel, and their stacks where gdb is installed.',
    action: 'Read it to find out why the server hung.',
    fields: { path: 'the file' },
  },
  server_stack_missing: {
    levels: ['warn'],
    meaning: 'What a server that has hung was doing could not be recorded.',
    action: 'None.',
    fields: { why: 'why not' },
  },
  people_estimated: {
    levels: ['info'],
    meaning:
      'More players are online than are connected, or there is no table of connections: people are those online but for SESSION_AGENT_PLAYERS.',
    action: 'See that SESSION_AGENT_PLAYERS is right for this server.',
    fields: { agentPlayers: 'SESSION_AGENT_PLAYERS' },
  },
  people_not_counted: {
    levels: ['error'],
    meaning:
      'Counting people failed, for a reason of the supervisor. It is tried again each second; a look that fails ends nothing. Told once.',
    action: 'Report it as a bug, with the error.',
    fields: ERR,
  },
  dashboard_missing: {
    levels: ['warn'],
    meaning:
      "Nothing has listened for a minute at a port of the agent's dashboard, to which people are led. Told once for each silence.",
    action:
      'Look into agent.log: a port below 1024 takes NET_BIND_SERVICE, or the sysctl net.ipv4.ip_unprivileged_port_start.',
    fields: { port: 'of SESSION_PRESENCE_PORTS' },
  },
  dashboard_listens: {
    levels: ['info'],
    meaning: 'Something listens there after all.',
    action: '',
    fields: { port: 'of SESSION_PRESENCE_PORTS' },
  },
  people_unknown: {
    levels: ['warn'],
    meaning:
      'The server answers, and does not tell how many players are online: only SESSION_MAX_DURATION, a stop and the end of a program end the session.',
    action: 'Let the server, or the proxy before it, tell the number in its status.',
    fields: {},
  },
  players_changed: {
    levels: ['info'],
    meaning: 'A person has joined or left, in the game or at the dashboard, or the server answers again.',
    action: '',
    fields: {
      people: 'how many persons take part, the agent not counted',
      dashboard: 'how many of them are at the dashboard',
    },
  },
  server_log_unreadable: {
    levels: ['warn'],
    meaning: "The server's log could not be read: the report lacks the players' names.",
    action: '',
    fields: ERR,
  },
  stop_requested: {
    levels: ['info'],
    meaning: 'The first signal has come in: the session shuts down within its stop timeout.',
    action: '',
    fields: { signal: 'the signal', stopTimeoutMs: 'SESSION_STOP_TIMEOUT' },
  },
  aborted: {
    levels: ['warn'],
    meaning: 'A second signal has come in: everything is killed, and saving is given up.',
    action: 'Recover the session from its journal.',
    fields: { signal: 'the signal' },
  },
  session_ending: {
    levels: ['info'],
    meaning: 'The first end condition holds: the session ends, and the shutdown begins.',
    action: '',
    fields: { end: 'the end reason, as in session.json' },
  },
  startup_interrupted: {
    levels: ['debug'],
    meaning: 'The session ended while it was still starting its processes.',
    action: '',
    fields: ERR,
  },
  stop_step: {
    levels: ['info', 'warn'],
    meaning: 'A child is being stopped: the console command, SIGTERM or SIGKILL was sent (SIGKILL: warn).',
    action:
      'A SIGKILL means that the child did not end within SESSION_STOP_GRACE, or SESSION_SERVER_STOP_GRACE.',
    fields: { child: CHILD.child, step: 'console, SIGTERM or SIGKILL', afterMs: 'since its stop began' },
  },
  process_stopped: {
    levels: ['info', 'error'],
    meaning: 'A child and its process group are gone; error: not even SIGKILL has ended it.',
    action: 'One that SIGKILL does not end hangs inside the kernel.',
    fields: { child: CHILD.child, steps: 'the steps that it took', afterMs: 'how long that took' },
  },
  leftover_killed: {
    levels: ['warn'],
    meaning: 'A process that had outlived the children was found and ended.',
    action: '',
    fields: {
      pid: 'its process ID',
      command: 'its command line, secrets masked',
      killed: 'false: it was still alive when the time was over',
      stoppedBy: 'the signals that it got, in order: SIGTERM, SIGKILL',
    },
  },
  session_incomplete: {
    levels: ['warn'],
    meaning:
      'A process did not end by itself: the message says what it may not have written. So does session.json.',
    action:
      'If it was killed for want of time, raise SESSION_SERVER_STOP_GRACE, SESSION_STOP_GRACE or SESSION_STOP_TIMEOUT.',
    fields: {},
  },
  journal_flush_started: {
    levels: ['info'],
    meaning: 'The last changes are uploaded to the journal.',
    action: '',
    fields: { files: 'how many files have changes', bytes: 'how many bytes' },
  },
  journal_flushed: {
    levels: ['info'],
    meaning: 'The journal holds everything that was recorded.',
    action: '',
    fields: { afterMs: 'how long the flush took' },
  },
  journal_incomplete: {
    levels: ['warn'],
    meaning: 'The journal does not hold everything.',
    action: 'The archive does, if it is saved.',
    fields: {
      durable: 'false',
      why: 'what kept it from it',
      files: 'how many files are missing or incomplete',
      bytes: 'how many bytes are missing',
    },
  },
  uploads_aborted: {
    levels: ['info'],
    meaning: 'What the session was uploading when it was killed was found by its recovery, and deleted.',
    action: '',
    fields: { key: 'of the archive', uploads: 'how many' },
  },
  uploads_not_aborted: {
    levels: ['warn'],
    meaning: 'A recovery could not look for what the session was uploading when it was killed.',
    action: 'Allow s3:ListBucketMultipartUploads, or have a lifecycle rule delete such uploads.',
    fields: { ...ERR, key: 'of the archive' },
  },
  archive_started: {
    levels: ['info'],
    meaning: 'The archive is packed and uploaded.',
    action: '',
    fields: {
      url: 'where it goes',
      files: 'how many files it will hold',
      bytes: 'how many bytes of content',
    },
  },
  archive_progress: {
    levels: ['info'],
    meaning: 'How far the archive is, every ten seconds.',
    action: '',
    fields: {
      files: 'packed so far',
      ofFiles: 'to be packed',
      bytesRead: 'of content so far',
      ofBytes: 'of content in all',
      bytesOut: 'of archive so far',
      bytesPerSecond: 'of content',
    },
  },
  archive_retry: {
    levels: ['warn'],
    meaning: 'An attempt to save the archive failed, and is repeated from its start.',
    action: 'If it goes on, check the store and the network.',
    fields: { ...ERR, attempt: 'the attempt that failed' },
  },
  archiver_failed: {
    levels: ['warn'],
    meaning:
      'The process that packs with ISA-L has ended early, or said that it cannot go on; zlib begins anew.',
    action: 'Nothing is lost. If it is seen again, set SESSION_DEFLATE=zlib, and see what the error says.',
    fields: ERR,
  },
  sums_thread_failed: {
    levels: ['warn'],
    meaning:
      "The thread that makes the archive's digest and the sums of its parts has ended early, or said nothing for 20 s; the archive is begun anew, without it.",
    action: 'Nothing is lost. If it is seen again, see what the error says.',
    fields: ERR,
  },
  archive_failed: {
    levels: ['error'],
    meaning: 'The archive was not saved at a destination.',
    action: 'Recover the session from its journal, or copy the working directory.',
    fields: { ...ERR, url: 'the destination' },
  },
  workdir_lost: {
    levels: ['error'],
    meaning: 'The working directory was removed or replaced during the session, or cannot be read any more.',
    action:
      'Run the command in the report, if there is one. Look for what became of it on the machine: what was in it is not in the archive.',
    fields: { path: 'where it was' },
  },
  archive_lacks_files: {
    levels: ['error'],
    meaning: 'The journal holds files, or bytes of them, that could not be read when the archive was made.',
    action: 'Run the command in the report: it makes another archive, of all that the journal holds.',
    fields: { files: 'how many' },
  },
  archive_saved: {
    levels: ['info'],
    meaning: 'The archive is saved.',
    action: '',
    fields: {
      url: 'where it is',
      bytes: 'its size',
      verified: 'whether the store confirmed the size or the bytes',
      afterMs: 'how long it took',
    },
  },
  report_saved: {
    levels: ['info'],
    meaning: 'session.json is saved.',
    action: '',
    fields: { url: 'where it is' },
  },
  report_upload_failed: {
    levels: ['error'],
    meaning: 'session.json could not be put where the session is saved.',
    action: 'The log has the report in its last line.',
    fields: ERR,
  },
  report_local: {
    levels: ['info'],
    meaning: 'session.json is in the working directory.',
    action: '',
    fields: { file: 'its path' },
  },
  report_not_written: {
    levels: ['error'],
    meaning: 'session.json could not be written either.',
    action: 'The log has the report in its last line.',
    fields: { ...ERR, file: 'its path' },
  },
  archive_index_not_saved: {
    levels: ['warn'],
    meaning: 'The index of the archive could not be saved beside the report; the archive itself is whole.',
    action: 'Nothing: `cat` then reads the archive from its beginning, which takes longer.',
    fields: { why: 'why not' },
  },
  journal_deleted: {
    levels: ['info'],
    meaning: 'The journal was deleted: the archive is verified.',
    action: '',
    fields: { prefix: 'where it was' },
  },
  journal_not_deleted: {
    levels: ['warn'],
    meaning: 'The journal was not deleted; the archive is verified, so that it is safe to delete.',
    action: 'A scheduled `recover --all` deletes it, or delete it by hand.',
    fields: { why: 'why not' },
  },
  session_finished: {
    levels: ['info'],
    meaning: 'The session is over; the last line of the log.',
    action: 'Read `report.exitCode` and `report.saved`.',
    fields: { report: 'the whole report, as in session.json, without its labels' },
  },
} as const satisfies Record<string, LogEvent>;

/** Every event of servermgr. */
export const SERVERMGR_EVENTS = {
  listening: {
    levels: ['info'],
    meaning: "servermgr's pages are served.",
    action: '',
    fields: { url: 'where', launcher: 'local, docker or ecs' },
  },
  session_launched: {
    levels: ['info'],
    meaning: 'A session was launched.',
    action: '',
    fields: {
      session: "the session's name",
      where: 'process, container or task',
      world: 'the world',
      attempt: 'from 1; a launch that lacked capacity is repeated',
    },
  },
  launch_failed: {
    levels: ['warn'],
    meaning: 'A launch failed; the visitor has read so.',
    action: 'Check the launcher: capacity, ports, rights.',
    fields: { ...ERR, session: "the session's name", attempt: 'from 1' },
  },
  session_stop_requested: {
    levels: ['info'],
    meaning: 'A visitor or an administrator requests the end of a session.',
    action: '',
    fields: { session: "the session's name", why: 'visitor or admin' },
  },
  participation_over: {
    levels: ['info'],
    meaning: 'Somebody takes part in a study no more.',
    action: '',
    fields: {
      study: "the study's number",
      participation: 'which one, as exports call it',
      session: "its session's name",
      outcome: 'what became of it, as exports call it',
    },
  },
  participation_launch_failed: {
    levels: ['warn'],
    meaning: 'The session of a participant could not be launched; it is tried again.',
    action: 'Read the cause, and see what the launcher says.',
    fields: {
      ...ERR,
      study: "the study's number",
      participation: 'which one, as exports call it',
      count: 'how often it has failed in a row',
    },
  },
  participation_failed: {
    levels: ['error'],
    meaning: 'A participant is given no session: their page shows the code for a technical failure.',
    action: 'Mend what `why` says before more people come, or close the study.',
    fields: {
      study: "the study's number",
      participation: 'which one, as exports call it',
      why: 'unknown-world, unknown-agent or launches fail',
    },
  },
  studies_unkept: {
    levels: ['warn'],
    meaning:
      'Participants cannot be looked after just now; their pages stay as they are, and it goes on by itself.',
    action: 'See whether the database can be reached.',
    fields: ERR,
  },
  recovery_requested: {
    levels: ['info'],
    meaning: 'An administrator requests the recovery of a session.',
    action: '',
    fields: { session: "the session's name" },
  },
  session_over: {
    levels: ['info', 'warn'],
    meaning: 'A session has ended; a warning where it failed, or left nothing that was saved.',
    action: 'The cause is in the words of what ran it; the session’s own log has more.',
    fields: {
      session: "the session's name",
      exitCode: "the supervisor's, if it has left a report",
      cause: 'what the launcher says, if there is no report',
    },
  },
  wrong_admin_password: {
    levels: ['warn'],
    meaning:
      'Wrong passwords of /admin, or bearer tokens of the API or of /metrics, came from a network: the first one, and then a line a ' +
      'minute with their number. After ten in a minute a network is refused for a while.',
    action: 'If it is none of your own people, and goes on, keep that network out.',
    fields: {
      network: 'an IPv4 address or an IPv6 /64; `others` are those beyond a hundred at once',
      count: 'how many since the last such line of that network',
    },
  },
  history_filled: {
    levels: ['info'],
    meaning:
      'Sessions that a version before this one has written down are in the history now: after an upgrade, and while ' +
      'such a version runs beside this one.',
    action: '',
    fields: { rows: 'how many sessions' },
  },
  log_unreadable: {
    levels: ['warn'],
    meaning:
      "A session's log could not be read from its journal for somebody who looks at it on /admin; the session goes on.",
    action: 'Check the destination: it has to let servermgr list and read.',
    fields: { ...ERR, session: "the session's name" },
  },
  export_broken: {
    levels: ['warn'],
    meaning: 'An export of sessions broke off: its reader has got a part, and was cut off.',
    action: 'Export again once the database answers; a reader that has left needs nothing.',
    fields: { ...ERR },
  },
  archive_handed_out: {
    levels: ['info'],
    meaning: "Somebody with the admin's password fetches a session's archive.",
    action: '',
    fields: {
      session: "the session's name",
      network: 'from where: an IPv4 address or an IPv6 /64',
      bytes: "the archive's size",
    },
  },
  record_unreadable: {
    levels: ['warn'],
    meaning:
      'The record of a session of this machine cannot be read: servermgr goes on without that session.',
    action: 'Mend the record.json in its folder, or move the folder away.',
    fields: { folder: 'where it is', ...ERR },
  },
  record_not_written: {
    levels: ['warn'],
    meaning:
      'What happens to a session of this machine could not be written down; a stop is sent all the same.',
    action: 'Make room on the disk of SERVERMGR_STATE.',
    fields: { session: "the session's name", ...ERR },
  },
  session_killed: {
    levels: ['warn'],
    meaning:
      'A session of this machine that was stopped has not ended long after its stop timeout: it is killed, with all of its processes.',
    action: 'Recover it: its journal survives. If it goes on, report it: it is a bug of the supervisor.',
    fields: { session: "the session's name" },
  },
  leftover_kept: {
    levels: ['warn'],
    meaning: 'A folder of a session has no record, and holds something: nobody reads it, and it is kept.',
    action: 'Look what it holds, and remove the folder.',
    fields: { folder: 'where it is', holds: 'what it holds' },
  },
  sweep_failed: {
    levels: ['warn'],
    meaning: 'What crashes have left in the state folder could not be cleared; it is tried again in an hour.',
    action: 'Check the rights of the folder.',
    fields: { folder: 'where it is', ...ERR },
  },
  observation_failed: {
    levels: ['warn'],
    meaning: 'What the sessions answer could not be looked at this time; it is tried again.',
    action: 'If it goes on, report it: it is a bug.',
    fields: ERR,
  },
  launcher_list_failed: {
    levels: ['warn'],
    meaning: 'The launcher could not list its sessions: the pages show what was known before.',
    action: 'If it goes on, check the rights and limits of the launcher.',
    fields: ERR,
  },
  launch_uncertain: {
    levels: ['warn'],
    meaning:
      'The launcher gave no answer to a launch, or none that says what became of it: the launch is repeated.',
    action: 'None, unless it goes on: then see whether the launcher can be reached.',
    fields: { ...ERR, session: "the session's name", attempt: 'from 1' },
  },
  launch_paused: {
    levels: ['warn'],
    meaning: 'Somebody asked for a session while the database could not be asked, and was told to try again.',
    action: 'See `database_away`.',
    fields: ERR,
  },
  database_away: {
    levels: ['warn'],
    meaning:
      'The database cannot be asked: pages show what was known last, sessions go on and are stopped, launches wait.',
    action: 'See that the database runs and takes connections, or that its disk has room.',
    fields: { ...ERR, session: "the session's name" },
  },
  database_back: {
    levels: ['info'],
    meaning: 'The database answers again, and what was observed meanwhile is written down.',
    action: '',
    fields: {},
  },
  observing: {
    levels: ['info'],
    meaning:
      'Of all instances this one now asks the launcher and the servers; the others read what it writes down.',
    action: '',
    fields: { instance: "the instance's id" },
  },
  budget_nearly_spent: {
    levels: ['warn'],
    meaning:
      'The sessions of today (UTC), each until its limit, may cost four fifths of SERVERMGR_BUDGET_PER_DAY.',
    action: 'Raise it, or end sessions: launches stop before it is exceeded.',
    fields: { atMost: 'US dollars', budget: 'US dollars' },
  },
  webhook_failed: {
    levels: ['warn'],
    meaning:
      'An endpoint of SERVERMGR_WEBHOOKS did not take a message; it is sent again for three days. Told once for each message and reason, and when it is given up.',
    action: 'See that the endpoint answers with 2xx; /admin/webhooks sends again what was given up.',
    fields: {
      webhook: 'the webhook-id of the message',
      type: 'of what event',
      host: "the endpoint's",
      why: 'its status, or why there was none',
      attempts: 'how often it was sent',
    },
  },
  webhook_disabled: {
    levels: ['warn'],
    meaning: 'An endpoint of SERVERMGR_WEBHOOKS has answered with 410: it is sent nothing more.',
    action: 'Take it out of SERVERMGR_WEBHOOKS, or change its entry, e.g. its secret: that enables it again.',
    fields: { host: "the endpoint's" },
  },
  webhooks_paused: {
    levels: ['warn'],
    meaning:
      'What webhooks tell could not be written down or read; it is tried again, and nothing is lost. Told once a minute.',
    action: 'See `database_away`.',
    fields: ERR,
  },
  stopped_by_rule: {
    levels: ['warn'],
    meaning: 'servermgr stops a session by itself.',
    action:
      "One that is never ready and came to 95 has a dashboard that does not answer: does the agent serve it, and does the sessions' security group let its port in?",
    fields: {
      session: "the session's name",
      why: 'never-ready or too-many',
      progress: 'how far it came, of 100',
    },
  },
  rule_failed: {
    levels: ['warn'],
    meaning: 'A session could not be stopped, relaunched or removed; it is tried again.',
    action: 'If it goes on, check the rights of the launcher.',
    fields: { ...ERR, session: "the session's name", action: 'stop, relaunch or remove' },
  },
  people_unreadable: {
    levels: ['warn'],
    meaning:
      'Who takes part in a session could not be read from its journal: what its server answers is shown instead.',
    action: 'If it goes on, check the destination and the rights to read it.',
    fields: { ...ERR, session: "the session's name" },
  },
  prolific_refuses: {
    levels: ['error'],
    meaning:
      'Prolific refuses its API token: whether participants are whom their links say is not known. Told once.',
    action:
      "Make a new token in Prolific's settings, as a member of the studies' workspace, and set it up in place of the old one.",
    fields: { status: "401 or 403: Prolific's answer" },
  },
  prolific_away: {
    levels: ['warn'],
    meaning:
      'Prolific could not be asked about a participant, or its answer was none: it was away, slow, had too many requests, or answered something else. Told once, until it answers again.',
    action: 'None, unless it goes on: then see whether its API can be reached from here.',
    fields: ERR,
  },
  prolific_back: {
    levels: ['info'],
    meaning: 'Prolific answers again.',
    action: '',
    fields: {},
  },
  report_unreadable: {
    levels: ['warn'],
    meaning: "A session's report could not be read from the destination.",
    action: 'If it goes on, check the destination and the rights to read it.',
    fields: { ...ERR, session: "the session's name" },
  },
  listing_denied: {
    levels: ['warn'],
    meaning:
      "The destination may not be listed: reports are read by their exact names, the session's, .2 and so on; " +
      'others are not found, and /admin lacks the sessions that only the destination remembers. Told once.',
    action: 'Allow s3:ListBucket below the prefix, as deploy/servermgr-policy.json does.',
    fields: ERR,
  },
  destination_list_failed: {
    levels: ['warn'],
    meaning: 'The destination could not be listed: /admin lacks the sessions that only it remembers.',
    action: 'Check the destination and the right to list it.',
    fields: ERR,
  },
  request_failed: {
    levels: ['error'],
    meaning: 'A page could not be made; the visitor got an error page.',
    action: 'Report it as a bug, with the error.',
    fields: ERR,
  },
  web_server: {
    levels: ['info', 'debug', 'warn', 'error'],
    meaning: "A line of the web server's own (fastify).",
    action: '',
    fields: {},
  },
  shutting_down: {
    levels: ['info'],
    meaning: 'servermgr ends; the sessions keep running.',
    action: '',
    fields: { signal: 'the signal' },
  },
} as const satisfies Record<string, LogEvent>;

type Events = typeof SESSION_EVENTS & typeof SERVERMGR_EVENTS;

/** Names of the events that are written at a level. */
export type EventAt<Level extends EventLevel> = {
  [Name in keyof Events]: Level extends Events[Name]['levels'][number] ? Name : never;
}[keyof Events];

/** What a log line of an event may hold besides its text. */
export type EventFields<Name extends keyof Events> = { readonly event: Name } & {
  readonly [Field in keyof Events[Name]['fields']]?: unknown;
};
