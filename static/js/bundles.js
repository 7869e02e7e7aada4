// The Bundles page: a file is sent as it lies on the disk, with its share told, and what became of it is shown.
const form = document.getElementById("drop");
const shown = document.getElementById("opened");
const button = document.getElementById("open");

const line = (text, link) => {
  const li = document.createElement("li");
  const span = document.createElement("span");
  span.textContent = `${text} `;
  if (link) {
    const a = document.createElement("a");
    a.href = `/runs/${encodeURIComponent(link.id)}`;
    a.textContent = link.name || link.id;
    span.append(a);
  }
  li.append(span);
  return li;
};

const fail = (text) => {
  const box = document.createElement("div");
  box.className = "find fail";
  box.setAttribute("role", "alert");
  const words = document.createElement("p");
  words.className = "claim-text";
  words.textContent = text;
  box.append(words);
  shown.replaceChildren(box);
  shown.hidden = false;
};

const show = (answer) => {
  const list = document.createElement("ul");
  list.className = "choose";
  for (const run of answer.runs) list.append(line(run.words, run));
  for (const note of answer.notes) list.append(line(note));
  const foot = document.createElement("p");
  foot.className = "pad row";
  const compare = document.createElement("a");
  compare.className = "btn";
  compare.href = `/compare?runs=${answer.runs.map((r) => encodeURIComponent(r.id)).join(",")}`;
  compare.textContent = answer.runs.length > 1 ? `Compare the ${answer.runs.length} runs` : "Look at it";
  foot.append(compare);
  shown.replaceChildren(list, foot);
  shown.hidden = false;
};

const send = (file) => {
  if (!file) return;
  const limit = Number(form.dataset.limit);
  if (file.size > limit) {
    fail(`${file.name} has ${file.size} bytes; the limit is ${limit}`);
    return;
  }
  const request = new XMLHttpRequest();
  button.disabled = true;
  const done = () => {
    button.disabled = false;
    button.textContent = "Open it";
  };
  request.upload.addEventListener("progress", (e) => {
    const share = e.lengthComputable ? Math.round((100 * e.loaded) / e.total) : 0;
    button.textContent = share < 100 ? `Sending, ${share} %` : "Opening …";
  });
  request.addEventListener("load", () => {
    done();
    try {
      const answer = JSON.parse(request.responseText);
      if (request.status === 200) show(answer);
      else fail(answer.error.message);
    } catch {
      fail(`the server answered ${request.status}`);
    }
  });
  request.addEventListener("error", () => {
    done();
    fail("the server did not answer; the bundle was not opened");
  });
  request.open("POST", `/api/bundles?name=${encodeURIComponent(file.name)}`);
  request.setRequestHeader("Content-Type", "application/zip");
  request.send(file);
};

form.addEventListener("submit", (e) => {
  e.preventDefault();
  send(document.getElementById("bundle").files[0]);
});
document.addEventListener("dragover", (e) => {
  if (!e.dataTransfer.types.includes("Files")) return;
  e.preventDefault();
  form.classList.add("over");
});
for (const name of ["dragleave", "drop"]) document.addEventListener(name, () => form.classList.remove("over"));
document.addEventListener("drop", (e) => {
  if (!e.dataTransfer.files.length) return;
  e.preventDefault();
  send(e.dataTransfer.files[0]);
});
