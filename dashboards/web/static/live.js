"use strict";
// Keeps the tiles of a page as they are now: a snapshot after every (re)connection, then each change as it comes.
(() => {
  const root = document.querySelector("[data-live]");
  if (!root) return;
  const words = JSON.parse(root.dataset.words);
  const language = document.documentElement.lang;
  const zone = root.dataset.zone;
  const site = root.dataset.site;
  const STALE_MS = 5 * 60 * 1000;
  const SILENT_MS = 40 * 1000; // the server says something every 15 s
  const AWAY = new Set(["lost", "offline"]);

  const tiles = new Map([...root.querySelectorAll("[data-room]")].map((tile) => [tile.dataset.room, tile]));
  const boardRooms = new Map(); // board -> tile
  for (const tile of tiles.values()) {
    tile.lessons = JSON.parse(tile.dataset.lessons);
    tile.boards = JSON.parse(tile.dataset.boards);
    tile.away = new Set(tile.querySelector("[data-lost]").hidden ? [] : tile.boards);
    for (const board of tile.boards) boardRooms.set(board, tile);
  }

  let ahead = Number(root.dataset.now) - Date.now(); // this computer's clock may be wrong
  const now = () => Date.now() + ahead;
  let heard = now();

  const clock = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit" });
  const date = new Intl.DateTimeFormat("en-GB", { timeZone: zone, day: "2-digit", month: "2-digit" });
  const time = (ms) => (date.format(ms) === date.format(now()) ? clock.format(ms) : `${clock.format(ms)} ${date.format(ms)}`);
  const number = (value, decimals) =>
    value.toLocaleString(language, { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const write = (element, text) => { if (element && element.textContent !== text) element.textContent = text; };

  function showRoom(state) {
    const tile = tiles.get(state.room);
    if (!tile || state.site !== site) return;
    const word = state.presence === null ? "unknown" : state.presence ? "occupied" : "vacant";
    if (tile.dataset.state !== word) {
      tile.classList.remove(tile.dataset.state);
      tile.classList.add(word, "changed");
      setTimeout(() => tile.classList.remove("changed"), 1500);
      tile.dataset.state = word;
      tile.querySelector("[data-icon]").setAttribute("href", `#i-${word}`);
      write(tile.querySelector("[data-word]"), words[`state.${word}`]);
    }
    write(tile.querySelector("[data-since]"), state.since_ms === null ? "" : fill(words.since, { time: time(state.since_ms) }));
    for (const element of tile.querySelectorAll("[data-value]")) {
      const value = state.values[element.dataset.value];
      write(element, value === undefined ? "–" : `${number(value, Number(element.dataset.decimals))} ${element.dataset.unit}`);
    }
    tile.querySelector("[data-aged]").dataset.updated = state.updated_at_ms;
    age(tile);
  }

  function age(tile) {
    const at = now();
    const lesson = tile.lessons.find(([start, end]) => start <= at && at < end);
    const shown = tile.querySelector("[data-lesson]");
    write(shown, lesson ? lesson[2] : words.no_lesson);
    shown.classList.toggle("none", !lesson);
    const mark = tile.querySelector("[data-aged]");
    const updated = Number(mark.dataset.updated);
    const old = updated > 0 && at - updated > STALE_MS;
    mark.hidden = !old;
    tile.classList.toggle("old", old);
    if (old) write(mark, fill(words.stale, { time: time(updated) }));
  }

  function showBoard(state) {
    if (state.site !== site) return;
    const tile = boardRooms.get(state.board);
    if (tile) {
      if (AWAY.has(state.availability)) tile.away.add(state.board);
      else tile.away.delete(state.board);
      tile.querySelector("[data-lost]").hidden = tile.away.size === 0;
    }
    showUnassigned(state);
  }

  function showUnassigned(state) {
    const section = root.querySelector("[data-unassigned]");
    if (!section) return;
    const list = section.querySelector("ul");
    let item = [...list.children].find((one) => one.dataset.board === state.board);
    if (state.room !== null) {
      if (item) item.remove();
    } else {
      if (!item) {
        item = document.createElement("li");
        item.dataset.board = state.board;
        item.append(document.createElement("code"), " ", document.createElement("span"));
        list.append(item);
      }
      write(item.querySelector("code"), state.board);
      write(item.querySelector("span"), words[`availability.${state.availability}`] || words["availability.unknown"]);
    }
    section.hidden = list.children.length === 0;
  }

  function count() {
    const found = { occupied: 0, vacant: 0, unknown: 0, lost: 0 };
    for (const tile of tiles.values()) {
      found[tile.dataset.state] += 1;
      if (tile.away.size) found.lost += 1;
    }
    for (const [state, amount] of Object.entries(found)) write(root.querySelector(`[data-count="${state}"]`), String(amount));
    const lost = root.querySelector("[data-count-lost]");
    if (lost) lost.hidden = found.lost === 0;
  }

  function showProgress(task) {
    const place = root.querySelector("[data-progress]");
    if (!place) return;
    let line = [...place.children].find((one) => one.dataset.task === task.task);
    if (!(task.done < task.total)) {
      if (line) line.remove();
      return;
    }
    if (!line) {
      line = document.createElement("p");
      line.dataset.task = task.task;
      const label = document.createElement("label");
      label.append(task.task === "history" ? words.history : fill(words.task, { task: task.task }), " ");
      label.append(document.createElement("progress"));
      line.append(label, " ", document.createElement("span"));
      place.append(line);
    }
    const bar = line.querySelector("progress");
    bar.max = task.total;
    bar.value = task.done;
    write(line.querySelector("span"), `${number((task.done / task.total) * 100, 1)}\u00a0%`);
  }

  const show = { room: showRoom, board: showBoard, progress: showProgress };

  function link(state) {
    root.classList.toggle("disconnected", state === "lost");
    for (const element of document.querySelectorAll("[data-link]")) element.dataset.state = state;
    for (const element of document.querySelectorAll("[data-link-word]")) write(element, words[state]);
    const outage = root.querySelector("[data-outage]");
    outage.hidden = state !== "lost";
    if (state === "lost") write(outage, fill(words.lost_since, { time: time(heard) }));
  }

  let source = null;
  let retry = null; // a timer while waiting to connect again
  let wait = 2000;
  let newer = new Set(); // what changed while a snapshot was on its way

  function connect() {
    retry = null;
    if (source) source.close();
    const mine = (source = new EventSource(`/api/v1/live/events?site=${encodeURIComponent(site)}`));
    mine.onopen = () => snapshot(mine);
    mine.onerror = () => {
      link("lost");
      if (mine.readyState === EventSource.CLOSED) again();
    };
    mine.addEventListener("beat", (event) => {
      ahead = JSON.parse(event.data).at_ms - Date.now();
      heard = now();
    });
    mine.addEventListener("reset", () => snapshot(mine));
    for (const [kind, act] of Object.entries(show)) {
      mine.addEventListener(kind, (event) => {
        const body = JSON.parse(event.data);
        heard = now();
        newer.add(key(kind, body));
        act(body);
        count();
      });
    }
  }

  const key = (kind, body) => `${kind} ${kind === "room" ? body.room : body.board || body.task}`;

  function again() {
    if (source) source.close();
    if (retry !== null) return;
    retry = setTimeout(async () => {
      const who = await fetch("/api/v1/sessions/current").catch(() => null);
      if (who && who.status === 401) location.reload(); // signed out: the page leads to the sign-in
      else connect();
    }, wait);
    wait = Math.min(wait * 2, 30000);
  }

  async function snapshot(mine) {
    newer = new Set();
    try {
      const answer = await fetch(`/api/v1/live?site=${encodeURIComponent(site)}`);
      if (!answer.ok) throw new Error(String(answer.status));
      const all = await answer.json();
      if (mine !== source) return;
      ahead = all.at_ms - Date.now();
      heard = now();
      for (const [kind, states] of [["room", all.rooms], ["board", all.boards], ["progress", all.progress]]) {
        for (const state of states) if (!newer.has(key(kind, state))) show[kind](state);
      }
      count();
      wait = 2000;
      link("live");
    } catch {
      if (mine === source) {
        link("lost");
        again();
      }
    }
  }

  let today = date.format(now());
  setInterval(() => {
    if (now() - heard > SILENT_MS) {
      link("lost");
      again();
    }
    if (!root.classList.contains("disconnected") && date.format(now()) !== today) location.reload(); // new lessons
    tiles.forEach(age);
  }, 5000);

  link("connecting");
  connect();
})();
