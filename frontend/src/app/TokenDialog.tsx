import { useState } from "react";

import { Button } from "../components/ui/Button";
import { TextField } from "../components/ui/Field";
import { Modal } from "../components/ui/Modal";
import { useStore } from "../lib/store";
import { token } from "../lib/token";
import { waiting } from "../lib/writeAccess";

const EXPLANATION =
  "Changes need the API token. `make up` prints a link that carries it; it is also in the file " +
  "`token` of the data directory. It stays in this tab and is sent to this server only.";

export function TokenDialog() {
  const asked = useStore(waiting);
  const [typed, setTyped] = useState("");
  const close = () => {
    waiting.set(null);
    setTyped("");
  };
  return (
    <Modal title="API token" description={EXPLANATION} open={asked !== null} onClose={close}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const then = asked?.then;
          token.set(typed.trim() === "" ? null : typed.trim());
          close();
          if (token.get() !== null) then?.();
        }}
      >
        <TextField
          label="Token"
          type="password"
          autoComplete="off"
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
          hint="Leave it empty to forget the token that is known."
        />
        <div className="mt-4 flex justify-end gap-2">
          <Button onClick={close}>Cancel</Button>
          <Button type="submit" look="primary">
            Use it
          </Button>
        </div>
      </form>
    </Modal>
  );
}
