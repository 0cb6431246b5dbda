import { Check, Copy } from "lucide-react";
import { useState } from "react";

import type { MadeKey } from "../../api/apiKeys";
import { Button } from "../../components/ui/Button";
import { TextField } from "../../components/ui/Field";
import { Modal } from "../../components/ui/Modal";

/** The text that opens a key, which nobody is shown again. */
export function SecretDialog({ made, onClose }: { made: MadeKey; onClose: () => void }) {
  const [copied, setCopied] = useState(false);
  // a page that does not come by https has no clipboard: the text is selected there
  const copy = async () => {
    await navigator.clipboard.writeText(made.key);
    setCopied(true);
  };
  return (
    <Modal
      open
      title={`The secret of ${made.name}`}
      description="It is shown this once. Send it as Authorization: Bearer <key>."
      onClose={onClose}
    >
      <TextField
        label="Key"
        readOnly
        value={made.key}
        spellCheck={false}
        onFocus={({ target }) => target.select()}
      />
      <div className="mt-4 flex justify-end gap-2">
        <Button onClick={() => void copy().catch(() => undefined)}>
          {copied ? <Check size={14} aria-hidden /> : <Copy size={14} aria-hidden />}
          {copied ? "Copied" : "Copy"}
        </Button>
        <Button look="primary" onClick={onClose}>
          I have it
        </Button>
      </div>
    </Modal>
  );
}
