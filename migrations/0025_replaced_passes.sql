-- Which pass replaced another: asked when a pass is deleted, for each, and by a look at all passes without this.
CREATE INDEX idx_passes_replaces_id ON public.passes (replaces_id) WHERE replaces_id IS NOT NULL;
