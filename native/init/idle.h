/* idle.h — a keeper that only waits, perhaps for months, and beside it hundreds of others. */
#pragma once

/* The program's text that starting took, and waiting does not, is unmapped: it is in memory once
 * for all, but counted as resident for each. What is used again is mapped again, unread. */
void idle_let_go_of_text(void);
