// Asks the server everything that a page can ask, and reports what it has seen.

async function json() {
  const response = await fetch("/json?name=J%C3%BCrgen");
  return [response.status, await response.json()];
}

async function missing() {
  return (await fetch("/nothing")).status;
}

async function form() {
  const body = new FormData();
  body.append("field", "ü & ü");
  body.append("file", new File(["a\r\nb"], "ü.txt", { type: "text/plain" }));
  const multipart = await (await fetch("/form", { method: "POST", body })).json();
  const simple = new URLSearchParams({ a: "1 & 2" });
  const urlencoded = await (await fetch("/form", { method: "POST", body: simple })).json();
  return [multipart, urlencoded];
}

async function cookies() {
  await fetch("/cookie");
  return [document.cookie, await (await fetch("/cookies")).json()];
}

async function cached() {
  const first = await fetch("page.js");
  const { size } = await first.blob();
  const part = await fetch("page.js", { headers: { range: "bytes=3-6" } });
  return [first.status, size > 100, part.status, await part.text()];
}

async function stream() {
  const pieces = [];
  const { body } = await fetch("/stream");
  for await (const piece of body.pipeThrough(new TextDecoderStream())) pieces.push(piece);
  return pieces.join("");
}

/** Takes six events, of which the server sends three before it ends the stream. */
function events() {
  return new Promise((resolve) => {
    const seen = [];
    const source = new EventSource("/events");
    source.addEventListener("count", ({ data, lastEventId }) => {
      seen.push([data, lastEventId]);
      if (seen.length < 6) return;
      source.close();
      resolve(seen);
    });
  });
}

function webSocket() {
  return new Promise((resolve) => {
    const seen = [];
    const socket = new WebSocket(`ws://${location.host}/ws`, ["v2", "v1"]);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      seen.push(socket.protocol);
      socket.send("héllo");
      socket.send(new Uint8Array([0, 255]));
      socket.send("close");
    };
    socket.onmessage = ({ data }) =>
      seen.push(typeof data === "string" ? data : Array.from(new Uint8Array(data)));
    socket.onclose = ({ code, reason, wasClean }) => resolve([...seen, code, reason, wasClean]);
  });
}

/** One that the page leaves open. */
function leftOpen() {
  return new Promise((resolve) => {
    const socket = new WebSocket(`ws://${location.host}/ws`);
    socket.onopen = () => resolve("open");
  });
}

const found = {};
for (const ask of [json, missing, form, cookies, cached, stream, events, webSocket, leftOpen]) {
  try {
    found[ask.name] = await ask();
  } catch (error) {
    found[ask.name] = String(error);
  }
}
await fetch("/report", { method: "POST", body: JSON.stringify(found) });
