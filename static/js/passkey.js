// Makes a passkey, and signs a decision with one. Passwords and codes work without this file.
"use strict";
(() => {
  const isSupported = () => Boolean(window.PublicKeyCredential && PublicKeyCredential.parseRequestOptionsFromJSON);

  function say(form, text) {
    const line = form.querySelector("[data-passkey-message]");
    line.textContent = text;
    line.hidden = !text;
  }

  function failure(error) {
    if (error.name === "NotAllowedError") return "Cancelled, or the device did not verify you. Nothing was signed.";
    if (error.name === "InvalidStateError") return "This device has a passkey of your account already.";
    if (error.name === "SecurityError") return "Browsers allow no passkey at this address: open the product by its name, not by a number.";
    return error.message;
  }

  async function enrol(form) {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(JSON.parse(form.dataset.passkeyEnrol));
    const made = await navigator.credentials.create({ publicKey });
    form.elements["passkey-response"].value = JSON.stringify(made.toJSON());
    form.submit();
  }

  async function sign(form, url) {
    const answer = await fetch(url, { method: "POST", body: new FormData(form), credentials: "same-origin" });
    const prepared = await answer.json();
    if (!answer.ok) throw new Error(prepared.detail);
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(prepared.options);
    const signed = await navigator.credentials.get({ publicKey });
    form.elements.passkey_ticket.value = prepared.ticket;
    form.elements.passkey_assertion.value = JSON.stringify(signed.toJSON());
    form.submit();
  }

  function run(form, action) {
    say(form, "");
    if (!isSupported()) return say(form, "This browser cannot use passkeys here. Use your password.");
    action().catch((error) => say(form, failure(error)));
  }

  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-passkey-enrol]");
    if (!form || form.elements["passkey-response"].value) return;
    event.preventDefault();
    run(form, () => enrol(form));
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-passkey-sign]");
    if (!button) return;
    const form = button.closest("form");
    run(form, () => sign(form, button.dataset.passkeySign));
  });
})();
