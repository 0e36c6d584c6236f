"""When will each gate be decided, and can it be at all? A conductor: plan and desk in, dates out."""
