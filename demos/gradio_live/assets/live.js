// The page's side of the live demo: camera out, made-up frames in, and what the controls ask for.
// It talks to its own server only, and keeps nothing when the page is closed.

const REGIONS = ["skin", "cheeks", "nose", "brows", "eyes", "lips"];
const BARE = "";
const $ = (id) => document.getElementById(id);

const state = {
  visit: "", looks: new Map(), // id -> {name, image}
  worn: {}, // region or "all" -> look id
  target: "all", intensities: {}, split: 0, before: false, mirror: true,
  pc: null, camera: null, file: null,
};

// --- the server ------------------------------------------------------------------------------

async function ask(method, path, body, headers = {}) {
  if (body !== undefined && !(body instanceof Blob)) {
    body = JSON.stringify(body);
    headers["content-type"] = "application/json";
  }
  let answer;
  try {
    answer = await fetch(`live/${path}`, { method, body, headers });
  } catch {
    throw new Error("The server does not answer. Is it still running?");
  }
  const data = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(sentence(data.error || `the server said ${answer.status}`));
  return data;
}

const mine = (method, path, body, headers) => ask(method, `visits/${state.visit}${path}`, body, headers);
const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");

let noteTimer;
function note(text, seconds = 6) {
  $("note").textContent = text;
  $("note").classList.toggle("seen", Boolean(text));
  clearTimeout(noteTimer);
  noteTimer = setTimeout(() => $("note").classList.remove("seen"), seconds * 1000);
}

// Only the newest of many changes is sent: one is under way at most, and one waits.
function newest(send) {
  let busy = false, waiting = null;
  return async function go(value) {
    waiting = value;
    if (busy) return;
    busy = true;
    try {
      while (waiting !== null) {
        const next = waiting;
        waiting = null;
        await send(next).catch((error) => note(error.message));
      }
    } finally {
      busy = false;
    }
  };
}

const sendWear = newest((wear) => mine("PUT", "/wear", wear));
const wear = () => {
  const share = state.before ? 1 : state.split;
  sendWear({ looks: state.worn, intensities: state.intensities, split: share });
};

// --- camera ----------------------------------------------------------------------------------

const DENIED = {
  NotAllowedError: "The camera is blocked for this page. Allow it with the camera sign in the address bar, then start again.",
  NotFoundError: "No camera was found. Plug one in, then start again.",
  NotReadableError: "Another program is using the camera. Close it, then start again.",
};

function phase(name, words = "") {
  $("stage").dataset.phase = name;
  if (name === "wait") $("wait").textContent = words;
  if (name === "off") $("meter").textContent = "camera off";
  $("meter").classList.toggle("on", name === "on");
}

async function start() {
  try {
    phase("wait", "Opening the camera…");
    if (!navigator.mediaDevices) throw new Error("The browser gives a page its camera only at localhost or over HTTPS.");
    state.camera = await navigator.mediaDevices.getUserMedia({
      video: { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 }, facingMode: "user" },
    });
    phase("wait", "Loading the networks…");
    const pc = (state.pc = new RTCPeerConnection({ iceServers: [] }));
    const [track] = state.camera.getVideoTracks();
    track.contentHint = "detail";
    track.onended = () => stop("The camera was unplugged.");
    const sender = pc.addTrack(track, state.camera);
    const settings = sender.getParameters();
    settings.degradationPreference = "maintain-resolution";
    await sender.setParameters(settings).catch(() => {}); // a wish: older browsers refuse it
    pc.ontrack = ({ receiver, streams, track }) => {
      receiver.jitterBufferTarget = 0;
      $("view").srcObject = streams[0] || new MediaStream([track]);
    };
    pc.onconnectionstatechange = () => {
      if (state.pc !== pc) return;
      if (pc.connectionState === "disconnected") note("The connection falters…"); // it may come back
      if (["failed", "closed"].includes(pc.connectionState)) stop("The connection was lost. Start the camera again.");
    };
    await pc.setLocalDescription(await pc.createOffer());
    await gathered(pc);
    const { sdp } = await mine("POST", "/offer", { sdp: pc.localDescription.sdp });
    if (state.pc !== pc) return;
    await pc.setRemoteDescription({ type: "answer", sdp });
  } catch (error) {
    stop(DENIED[error.name] || error.message);
  }
}

function gathered(pc) {
  if (pc.iceGatheringState === "complete") return null;
  return new Promise((done) => {
    pc.addEventListener("icegatheringstatechange", () => pc.iceGatheringState === "complete" && done());
    setTimeout(done, 2000);
  });
}

function stop(why = "") {
  const { pc, camera } = state;
  state.pc = state.camera = null;
  camera?.getTracks().forEach((track) => track.stop());
  pc?.close();
  $("view").srcObject = null;
  phase("off");
  if (pc) mine("POST", "/stop").catch(() => {});
  if (why) note(why, 12);
}

// --- figures ---------------------------------------------------------------------------------

let shown = 0, lastCount = 0, lastTime = 0, lastStats = {};
function countFrames() {
  shown += 1;
  if ($("stage").dataset.phase === "wait" && state.pc) {
    const video = $("view");
    $("stage").style.setProperty("--shape", `${video.videoWidth} / ${video.videoHeight}`);
    phase("on");
  }
  $("view").requestVideoFrameCallback(countFrames);
}

// How old a frame is when it is shown: encoding here, the way there and back, the work there,
// waiting for display here. Each part is measured by the side that spends it.
async function ageOnTheWay(pc) {
  let age = 0;
  const per = (id, time, count) => {
    const before = lastStats[id] || { time: 0, count: 0 };
    lastStats[id] = { time, count };
    return count > before.count ? (1000 * (time - before.time)) / (count - before.count) : 0;
  };
  for (const row of (await pc.getStats()).values()) {
    if (row.type === "candidate-pair" && row.nominated) age += 1000 * (row.currentRoundTripTime || 0);
    if (row.type === "outbound-rtp") age += per("encode", row.totalEncodeTime || 0, row.framesEncoded || 0);
    if (row.type === "inbound-rtp" && row.kind === "video") {
      age += per("buffer", row.jitterBufferDelay || 0, row.jitterBufferEmittedCount || 0);
      age += per("decode", row.totalDecodeTime || 0, row.framesDecoded || 0);
    }
  }
  return age;
}

async function tick() {
  if (!state.visit) return;
  let there;
  try {
    there = await mine("GET", "");
  } catch (error) {
    if (state.pc) stop(error.message);
    return;
  }
  const now = performance.now();
  const fps = (1000 * (shown - lastCount)) / (now - lastTime);
  [lastCount, lastTime] = [shown, now];
  if (!state.pc || $("stage").dataset.phase !== "on") return;
  if (!there.live) return stop(there.error ? sentence(there.error) : "The connection was lost.");
  const age = (there.age || 0) + (await ageOnTheWay(state.pc));
  $("meter").textContent = `${fps.toFixed(0)} fps · ${age.toFixed(0)} ms · ${there.backend.split(" + ")[0].replace(/openvino-?/i, "OpenVINO ")}`;
  $("meter").dataset.fps = fps.toFixed(1);
  $("meter").dataset.age = age.toFixed(1);
  if (!there.faces) note("No face in view. Face the camera, with light on your face.", 1.5);
}

// --- looks -----------------------------------------------------------------------------------

const wornAt = (region) => state.worn[region] ?? state.worn.all ?? BARE;

function choose(id) {
  if (state.target === "all") state.worn = {};
  state.worn[state.target] = id;
  paint();
  wear();
}

function tile(id, name, image, text = "") {
  const button = document.createElement("button");
  button.type = "button";
  button.setAttribute("role", "option");
  button.dataset.look = id;
  const picture = document.createElement("i"), label = document.createElement("span");
  if (image) picture.style.backgroundImage = image;
  picture.textContent = text;
  label.textContent = label.title = name;
  button.append(picture, label);
  return button;
}

function paint() {
  const strip = $("strip"), at = strip.scrollLeft, chosen = wornAt(state.target);
  const uneven = state.target === "all" && REGIONS.some((r) => wornAt(r) !== (state.worn.all ?? BARE));
  const tiles = [tile(BARE, "Bare", "", "∅"), ...[...state.looks].map(([id, { name, image }]) => tile(id, name, image))];
  for (const each of tiles) each.setAttribute("aria-selected", String(!uneven && each.dataset.look === chosen));
  const add = tile("+", "Your photo", "", "+");
  add.className = "add";
  add.setAttribute("aria-label", "Add a photo of a made-up face");
  strip.replaceChildren(...tiles, add);
  strip.scrollLeft = at;
  const look = state.looks.get(wornAt("lips")) || state.looks.get(wornAt("eyes"));
  $("stage").style.setProperty("--portrait", look?.large || "none");
  for (const chip of $("regions").children) {
    const region = chip.dataset.region, id = region === "all" ? state.worn.all ?? BARE : wornAt(region);
    const there = state.looks.get(id);
    chip.setAttribute("aria-checked", String(region === state.target));
    chip.tabIndex = region === state.target ? 0 : -1;
    chip.firstChild.style.backgroundImage = there ? there.image : "none";
    chip.title = there ? there.name : "bare";
  }
}

async function readable(file) {
  // A photo above the limit is made smaller here; what is no picture goes as it is and is refused.
  if (file.size <= state.uploadBytes) return file;
  try {
    const picture = await createImageBitmap(file);
    const scale = Math.min(1, 2400 / Math.max(picture.width, picture.height));
    const canvas = new OffscreenCanvas(picture.width * scale, picture.height * scale);
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    return await canvas.convertToBlob({ type: "image/jpeg", quality: 0.95 });
  } catch {
    return file;
  }
}

async function upload(file) {
  const add = document.querySelector(".strip .add");
  add?.setAttribute("aria-busy", "true");
  note("Reading the makeup…", 20);
  try {
    const name = file.name.replace(/\.[^.]*$/, "").slice(0, 40);
    const body = await readable(file);
    const type = { "content-type": "application/octet-stream" };
    const look = await mine("POST", `/looks?name=${encodeURIComponent(name)}`, body, type);
    const image = `url("${URL.createObjectURL(body)}")`;
    state.looks.set(look.id, { name: look.name, image, large: image });
    choose(look.id);
    note("");
    document.querySelector(`[data-look="${look.id}"]`)?.scrollIntoView({ block: "nearest", inline: "nearest" });
  } catch (error) {
    note(error.message, 10);
  } finally {
    document.querySelector(".strip .add")?.removeAttribute("aria-busy");
  }
}

// --- what Gradio's controls call -------------------------------------------------------------

function hex(colour) {
  const parts = String(colour).match(/^rgba?\(([^)]*)\)/);
  if (!parts) return colour;
  return "#" + parts[1].split(",").slice(0, 3).map((v) => Math.round(Number(v)).toString(16).padStart(2, "0")).join("");
}

const sendProducts = newest(async ({ style, regions, image }) => {
  const slow = setTimeout(() => note("Mixing your colours…", 60), 700);
  const { id } = await mine("PUT", "/products", style).finally(() => clearTimeout(slow));
  note("");
  state.looks.set(id, { name: "My colours", image });
  for (const region of regions) state.worn[region] = id;
  paint();
  wear();
});

window.tryon = {
  camera: () => state.camera, // for measurements
  intensity(region, value) {
    if (region === "all") state.intensities = {};
    state.intensities[region] = Number(value);
    wear();
  },
  products(lips, lipColour, lipFinish, lids, lidColour, lidFinish, cheeks, cheekColour, liner, linerColour) {
    const style = {
      lips: { opacity: lips, color: hex(lipColour), finish: lipFinish },
      eyeshadow: { opacity: lids, lid: hex(lidColour), finish: lidFinish },
      blush: { opacity: cheeks, color: hex(cheekColour) },
      liner: { opacity: liner, color: hex(linerColour) },
    };
    const regions = [];
    if (lips) regions.push("lips");
    if (lids || liner) regions.push("eyes");
    if (cheeks) regions.push("cheeks");
    const swatch = [style.eyeshadow.lid, style.blush.color, style.lips.color];
    const image = `linear-gradient(${swatch.map((c, i) => `${c} ${i * 34}% ${(i + 1) * 34}%`).join(",")})`;
    sendProducts({ style, regions, image });
  },
};

// --- hands -----------------------------------------------------------------------------------

function toggle(id, on, words) {
  $(id).setAttribute("aria-pressed", String(on));
  if (words) $(id).textContent = `${words}: ${on ? "on" : "off"}`;
}

function setBefore(on) {
  if (state.before === on) return;
  state.before = on;
  toggle("compare", on);
  wear();
}

function setSplit(share) {
  state.split = share;
  $("stage").classList.toggle("splitting", share > 0);
  toggle("split", share > 0, "Split");
  placeDivider();
  wear();
}

// The frame's left is the picture's left; in the mirror it is shown at the right.
function placeDivider() {
  const video = $("view"), box = video.getBoundingClientRect();
  const wide = Math.min(box.width, (box.height * video.videoWidth) / (video.videoHeight || 1)) || box.width;
  const share = state.mirror ? 1 - state.split : state.split;
  const divider = $("divider");
  divider.style.left = `${(box.width - wide) / 2 + share * wide}px`;
  divider.setAttribute("aria-valuenow", String(Math.round(100 * state.split)));
  const [first, last] = divider.querySelectorAll("b");
  [first.textContent, last.textContent] = state.mirror ? ["Made up", "Bare"] : ["Bare", "Made up"];
  divider.dataset.wide = wide;
}

function dragDivider(event) {
  const box = $("view").getBoundingClientRect(), wide = Number($("divider").dataset.wide);
  const share = (event.clientX - box.left - (box.width - wide) / 2) / wide;
  setSplit(Math.min(0.99, Math.max(0.01, state.mirror ? 1 - share : share)));
}

function setMirror(on) {
  state.mirror = on;
  $("stage").classList.toggle("mirrored", on);
  toggle("mirror", on, "Mirror");
  placeDivider();
}

function savePicture() {
  const video = $("view"), canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  const pen = canvas.getContext("2d");
  if (state.mirror) pen.setTransform(-1, 0, 0, 1, canvas.width, 0);
  pen.drawImage(video, 0, 0);
  const link = document.createElement("a");
  link.download = "tryon.png";
  link.href = canvas.toDataURL("image/png");
  link.click();
}

function setTarget(region) {
  state.target = region;
  paint();
}

const KEYS = {
  s: () => setSplit(state.split ? 0 : 0.5), m: () => setMirror(!state.mirror), c: savePicture,
  n: () => step(1), p: () => step(-1),
};

function step(by) {
  const ids = [BARE, ...state.looks.keys()];
  choose(ids[(ids.indexOf(wornAt(state.target)) + by + ids.length) % ids.length]);
}

function attach() {
  $("start").onclick = start;
  $("stop").onclick = () => stop();
  $("split").onclick = KEYS.s;
  $("mirror").onclick = KEYS.m;
  $("picture").onclick = savePicture;
  const compare = $("compare");
  compare.onpointerdown = (event) => { compare.setPointerCapture(event.pointerId); setBefore(true); };
  compare.onpointerup = compare.onpointercancel = () => setBefore(false);
  compare.onkeydown = (event) => { if (event.key === "Enter" && !event.repeat) setBefore(!state.before); };
  const divider = $("divider");
  divider.onpointerdown = (event) => { divider.setPointerCapture(event.pointerId); divider.onpointermove = dragDivider; };
  divider.onpointerup = divider.onpointercancel = () => { divider.onpointermove = null; };
  divider.onkeydown = (event) => {
    const by = { ArrowLeft: -0.05, ArrowRight: 0.05 }[event.key];
    if (by) setSplit(Math.min(0.99, Math.max(0.01, state.split + (state.mirror ? -by : by))));
  };
  $("regions").replaceChildren(...["all", ...REGIONS].map((region) => {
    const chip = document.createElement("button");
    chip.type = "button";
    chip.setAttribute("role", "radio");
    chip.dataset.region = region;
    chip.append(document.createElement("i"), region === "all" ? "Whole face" : region[0].toUpperCase() + region.slice(1));
    chip.onclick = () => setTarget(region);
    return chip;
  }));
  $("regions").onkeydown = (event) => {
    const by = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const names = ["all", ...REGIONS];
    setTarget(names[(names.indexOf(state.target) + by + names.length) % names.length]);
    document.querySelector('.regions [aria-checked="true"]').focus();
  };
  $("strip").onclick = ({ target }) => {
    const button = target.closest("button");
    if (!button) return;
    if (button.dataset.look === "+") return $("file").click();
    choose(button.dataset.look);
    document.querySelector(`.strip [data-look="${button.dataset.look}"]`)?.focus({ preventScroll: true });
  };
  $("file").onchange = ({ target }) => { if (target.files[0]) upload(target.files[0]); target.value = ""; };
  addEventListener("keydown", (event) => {
    if (event.target.closest("input, textarea, select, [contenteditable]") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === " " && !event.target.closest("button, [role=slider], [role=tab]")) { event.preventDefault(); setBefore(true); }
    else KEYS[event.key]?.();
  });
  addEventListener("keyup", (event) => { if (event.key === " ") setBefore(false); });
  addEventListener("blur", () => setBefore(false));
  addEventListener("resize", placeDivider);
  addEventListener("dragover", (event) => { event.preventDefault(); document.body.classList.add("dropping"); });
  addEventListener("dragleave", (event) => { if (!event.relatedTarget) document.body.classList.remove("dropping"); });
  addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("dropping");
    if (event.dataTransfer.files[0]) upload(event.dataTransfer.files[0]);
  });
  addEventListener("pagehide", () => state.visit && navigator.sendBeacon(`live/visits/${state.visit}/leave`));
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
}

async function begin() {
  document.body.classList.remove("dark"); // one careful set of colours, for every system setting
  attach();
  setMirror(true);
  try {
    const { visit, looks, uploadBytes } = await ask("POST", "visits");
    Object.assign(state, { visit, uploadBytes });
    for (const { id, name } of looks) {
      const address = (end) => `url("${new URL(`live/looks/${id}${end}.jpg`, document.baseURI)}")`;
      state.looks.set(id, { name, image: address(""), large: `${address("-large")}, ${address("")}` });
    }
    state.worn = { all: looks.some(({ id }) => id === "crimson") ? "crimson" : looks[0]?.id ?? BARE };
    wear();
  } catch (error) {
    note(error.message, 60);
    $("start").disabled = true;
  }
  paint();
  $("view").requestVideoFrameCallback?.(countFrames);
  setInterval(tick, 1000);
}

// Gradio builds the page after it has loaded; begin when the stage is there.
const waiting = setInterval(() => {
  if (!$("stage") || !$("strip")) return;
  clearInterval(waiting);
  begin();
}, 30);
