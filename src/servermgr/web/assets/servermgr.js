// Brings the pages up to date. Without it they refresh themselves, and every button works.

/** In a sandboxed frame: the clipboard, questions, and answers to fetch() are refused there. */
const isSandboxed = self.origin === 'null';
const isApple = /^(?:Mac|iP)/.test(navigator.platform);
/** By how much the server's clock is ahead of this machine's, which may be wrong. */
let aheadMs = 0;

for (const form of document.querySelectorAll('form.start')) keepFromPressingTwice(form);
for (const card of document.querySelectorAll('[data-events]')) follow(card);
for (const log of document.querySelectorAll('[data-log]')) followLog(log);
for (const page of document.querySelectorAll('[data-study-events]')) followStudy(page);
for (const page of document.querySelectorAll('[data-again]')) reloadOnceServed(page);
for (const button of document.querySelectorAll('[data-copy]')) copyOnClick(button);
document.addEventListener('submit', askOnceMore);
if (document.querySelector('[data-reload]')) setInterval(reloadMain, 5_000);
setInterval(tick, 1_000);

/** On the document: what is in the page is replaced as it goes on. */
function askOnceMore(event) {
  const form = event.target;
  const { confirm: question, asked } = form.dataset;
  if (question === undefined || asked !== undefined) return;
  if (!isSandboxed) return confirm(question) || event.preventDefault();
  event.preventDefault();
  form.dataset.asked = '';
  event.submitter.textContent = `${question} Press again to end it.`;
}

/** The server takes a double click for one press; this only says that something happens. */
function keepFromPressingTwice(form) {
  form.addEventListener('submit', event => {
    const button = form.querySelector('.go');
    if (button.getAttribute('aria-disabled') === 'true') return event.preventDefault();
    button.setAttribute('aria-disabled', 'true');
    button.textContent = 'Starting…';
  });
  // Back from the next page, the button can be pressed again.
  addEventListener('pageshow', event => event.persisted && location.reload());
}

function setClock(now) {
  aheadMs = Date.parse(now) - Date.now();
}

function follow(card) {
  setClock(card.dataset.now);
  const events = new EventSource(card.dataset.events);
  const study = card.closest('[data-state]');
  if (study !== null) showStudy(study, events);
  events.addEventListener('view', ({ data }) => {
    const view = JSON.parse(data);
    setClock(view.now);
    show(card, view);
    // A study has more to tell: whether it is finished.
    if (study === null && (view.phase === 'ended' || view.phase === 'failed')) events.close();
  });
  reconnect(events, card.querySelector('[data-waiting]'));
}

function followStudy(page) {
  const events = new EventSource(page.dataset.studyEvents);
  showStudy(page, events);
  reconnect(events, page.querySelector('[data-waiting]'));
}

/** A page of a study is loaded anew when it is to show something else. */
function showStudy(page, events) {
  let isOld = false;
  events.addEventListener('study', ({ data }) => {
    const study = JSON.parse(data);
    for (const element of page.querySelectorAll('[data-study]')) {
      const text = study[element.dataset.study];
      if (element.textContent !== text) element.textContent = text;
    }
    if (study.isLast) events.close();
    if (isOld || study.state === page.dataset.state) return;
    isOld = true;
    setTimeout(() => location.reload(), 500);
  });
}

/** @param waiting what says that the page is not up to date; null: nothing does */
function reconnect(events, waiting) {
  events.addEventListener('open', () => waiting?.classList.add('gone'));
  // A connection that breaks is opened again by the browser; one that is refused is not.
  events.addEventListener('error', () => {
    if (events.readyState === EventSource.CLOSED) reloadOnceServed(waiting);
    else waiting?.classList.remove('gone');
  });
}

const MAX_LOG_LINES = 2_000;

/** Adds the lines of a log as they come. */
function followLog(log) {
  const events = new EventSource(log.dataset.log);
  /** What is there is shown until the same comes again. */
  let isOld = true;
  const add = lines => {
    if (lines.length === 0) return;
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    if (isOld) log.replaceChildren();
    isOld = false;
    for (const line of lines) log.append(`${line}\n`);
    while (log.childNodes.length > MAX_LOG_LINES) log.firstChild.remove();
    if (atEnd) log.scrollTop = log.scrollHeight;
  };
  log.scrollTop = log.scrollHeight;
  // A connection that was lost and is there again begins anew.
  events.addEventListener('anew', ({ data }) => {
    isOld = true;
    add(JSON.parse(data));
  });
  events.addEventListener('lines', ({ data }) => add(JSON.parse(data)));
  events.addEventListener('end', ({ data }) => {
    document.querySelector('[data-log-end]').textContent = JSON.parse(data);
    events.close();
  });
}

/** A page that is reloaded while nobody serves it is gone for good: a proxy's error is in its place. */
async function reloadOnceServed(waiting) {
  for (let looks = 1; ; looks += 1) {
    await new Promise(resolve => setTimeout(resolve, 5_000));
    // What somebody has selected is about to be copied.
    if (!getSelection().isCollapsed && looks < 12) continue;
    if (await isServed()) return location.reload();
    waiting?.classList.remove('gone');
    // What is refused to a frame will be refused again: only reloading it is left.
    if (isSandboxed && looks >= 3) return location.reload();
  }
}

/** A sandboxed frame is told no status; only whether somebody answers, and of what is for everybody. */
async function isServed() {
  const [url, mode] = isSandboxed
    ? [document.querySelector('link[rel=icon]').href, 'no-cors']
    : [location.href, 'same-origin'];
  const asked = { mode, cache: 'no-store', headers: { accept: 'text/html' } };
  const answer = await fetch(url, asked).catch(() => undefined);
  return answer !== undefined && answer.status < 500;
}

function show(card, view) {
  card.dataset.phase = view.phase;
  card.dataset.progress = view.progress;
  document.title = `${view.headline} · Craftassist`;
  for (const element of card.querySelectorAll('[data-text]')) {
    const text = view[element.dataset.text];
    // A text that stays the same is not said again by a screen reader.
    if (element.textContent !== text) element.textContent = text;
  }
  for (const link of card.querySelectorAll('[data-href]')) link.href = view[link.dataset.href];
  for (const element of card.querySelectorAll('[data-if]')) {
    element.classList.toggle('gone', view[element.dataset.if] === '');
  }
  for (const step of card.querySelectorAll('[data-at]')) {
    step.classList.toggle('done', Number(step.dataset.at) <= view.progress);
  }
  card.querySelector('progress').value = view.progress;
  for (const time of card.querySelectorAll('[data-moment]')) {
    const moment = view[time.dataset.moment];
    if (time.dataset.until === undefined) time.dataset.since = moment;
    else time.dataset.until = moment;
  }
  tick();
}

function tick() {
  const nowMs = Date.now() + aheadMs;
  for (const time of document.querySelectorAll('[data-since], [data-until]')) {
    const { since, until } = time.dataset;
    const ms = since ? nowMs - Date.parse(since) : until ? Date.parse(until) - nowMs : undefined;
    if (ms !== undefined) time.textContent = duration(ms);
  }
}

function duration(ms) {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (hours > 0) return `${hours} h ${minutes % 60} min`;
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}

function copyOnClick(button) {
  const source = document.getElementById(button.dataset.copy);
  const says = document.querySelector('[data-copied]');
  let copies = 0;
  button.addEventListener('click', async () => {
    copies += 1;
    const [copy, isCopied] = [copies, await copyText(source)];
    says.textContent = isCopied ? 'Copied' : `Selected: press ${isApple ? '⌘C' : 'Ctrl+C'}`;
    await new Promise(resolve => setTimeout(resolve, 10_000));
    if (copy === copies) says.textContent = '';
  });
}

/** Where there is no clipboard, the text is selected, ready to be copied. @returns whether it is copied */
async function copyText(source) {
  try {
    await navigator.clipboard.writeText(source.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(source);
    return document.execCommand('copy');
  }
}

/** The administrators' page looks again, unless somebody is about to press something. */
async function reloadMain() {
  const main = document.querySelector('main');
  if (document.hidden || main.contains(document.activeElement)) return;
  const answer = await fetch(location.href, { headers: { accept: 'text/html' } }).catch(() => undefined);
  if (!answer?.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  if (!main.contains(document.activeElement)) main.replaceChildren(...page.querySelector('main').childNodes);
}
