import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { actorName } from "../lib/preferences";
import { Button } from "./ui/Button";
import { TextField } from "./ui/Field";
import { Modal } from "./ui/Modal";
import { Failure } from "./ui/states";

interface Props {
  title: string;
  description: string;
  /** What the button says. */
  verb: string;
  grave?: boolean;
  text: "none" | "comment" | "reason";
  act: (actor: string, text: string) => Promise<unknown>;
  onClose: () => void;
}

/** Something that is written down with who did it, and why. */
export function DeedDialog({ title, description, verb, grave, text, act, onClose }: Props) {
  const [actor, setActor] = useState(() => actorName.get());
  const [words, setWords] = useState("");
  const queries = useQueryClient();
  const deed = useMutation({
    mutationFn: () => act(actor.trim(), words.trim()),
    onSuccess: async () => {
      actorName.set(actor.trim());
      await queries.invalidateQueries();
      onClose();
    },
  });
  return (
    <Modal open onClose={onClose} title={title} description={description}>
      <form
        className="grid gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          deed.mutate();
        }}
      >
        <TextField
          label="Your name"
          required
          value={actor}
          onChange={(event) => setActor(event.target.value)}
        />
        {text !== "none" && (
          <TextField
            label={text === "reason" ? "Reason" : "Comment"}
            required={text === "reason"}
            minLength={text === "reason" ? 10 : 0}
            hint={text === "reason" ? "at least 10 characters" : undefined}
            value={words}
            onChange={(event) => setWords(event.target.value)}
          />
        )}
        {deed.error && <Failure error={deed.error} />}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look={grave ? "grave" : "primary"} disabled={deed.isPending}>
            {verb}
          </Button>
        </div>
      </form>
    </Modal>
  );
}
